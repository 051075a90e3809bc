/** Bends the bytes of a body: a few edits, each small, of the sorts that break parsers. */
import type { Random } from "./random.ts";

/** JSON's marks, its escapes, numbers at their borders, parts of events, bytes that are no UTF-8. */
const PIECES = [
  ...'{}[]:,"\\0-.eE n\n\r',
  ...['""', "null", "true", "NaN", "-Infinity", "1e400", "2147483648", "-0", "12345678901234567890", "0.5"],
  ...["\\u0000", "\\ud83d", "\\ude00", "\\u006f", "漢🙂", "\u2028", "\ufeff", "data: base64,AA==", "[".repeat(130)],
  ...['"model":"demo",', '"stream":true,', '"n":2,', '"usage":{},', '"error":{"code":429},', '"choices":null,'],
  ...["data: ", "data: [DONE]\n\n", "\n\n", "\r\n\r\n", "event: error\n", "error: {}\n\n", ": ping\n\n", "id: 1\n"],
  ...['"type":"message_stop"', '"content":[]', '"tool_calls":[{}],', '"usage":{"prompt_tokens":1e9},', '"index":1,'],
].map((text) => Buffer.from(text));

/** Values of every kind, for the place of any other. */
const VALUES = [
  ...[
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "0.5",
    "1e300",
    "2147483648",
    "NaN",
    '""',
    '"text"',
    '"stop"',
    "[]",
    "{}",
  ],
  ...['"\\ud800"', '[{"index":0}]', '{"a":{"b":[null]}}', '[null,"x",{}]', '"{\\"a\\":1}"', '{"type":"text"}', "[[]]"],
].map((text) => Buffer.from(text));

const QUOTE = 0x22;
const COLON = 0x3a;
const LONGEST = 64 * 1024;

/** `other` is a body of the same provider, from which parts are borrowed. */
export function mutate(body: Buffer, other: Buffer, random: Random): Buffer {
  let bent = body;
  for (let edits = random.once(2) ? 1 : 1 + random.below(3); edits > 0; edits--) bent = edit(bent, other, random);
  return bent.length > LONGEST ? bent.subarray(0, LONGEST) : bent;
}

function edit(body: Buffer, other: Buffer, random: Random): Buffer {
  const at = random.below(body.length + 1);
  switch (random.below(14)) {
    case 0:
      return splice(body, at, random.below(4), random.of(PIECES));
    case 1:
      return splice(body, at, random.below(60), random.of(PIECES));
    case 2:
      return splice(body, at, 1 + random.below(30), Buffer.alloc(0));
    case 3:
      return splice(body, at, 1, Buffer.from([random.below(256)]));
    case 4:
      return repeated(body, at, random);
    case 5: {
      const from = random.below(other.length + 1);
      return splice(body, at, random.below(20), other.subarray(from, from + random.below(120)));
    }
    default:
      return withOddValue(body, at, random);
  }
}

function splice(body: Buffer, at: number, remove: number, insert: Buffer): Buffer {
  return Buffer.concat([body.subarray(0, at), insert, body.subarray(at + remove)]);
}

function repeated(body: Buffer, at: number, random: Random): Buffer {
  const part = body.subarray(at, at + 1 + random.below(200));
  return Buffer.concat([
    body.subarray(0, at),
    part,
    ...Array.from({ length: 1 + random.below(3) }, () => part),
    body.subarray(at),
  ]);
}

/** Another value in the place of a member's: the text stays JSON if it was. */
function withOddValue(body: Buffer, at: number, random: Random): Buffer {
  let colon = body.indexOf('":', at);
  if (colon < 0) colon = body.indexOf('":');
  if (colon < 0) return splice(body, at, 0, random.of(VALUES));
  const from = colon + 2;
  return splice(body, from, valueEnd(body, from) - from, random.of(VALUES));
}

/** Where the value that begins at `from` ends, roughly: brackets are counted, strings are skipped. */
function valueEnd(body: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < body.length; at++) {
    const c = body[at];
    if (c === QUOTE) at = stringEnd(body, at);
    else if (c === 0x7b || c === 0x5b) depth++;
    else if (c === 0x7d || c === 0x5d) depth--;
    if (depth < 0 || (depth === 0 && (c === 0x2c || c === 0x0a))) return at;
    if (depth === 0 && (c === 0x7d || c === 0x5d || c === QUOTE) && body[at + 1] !== COLON) return at + 1;
  }
  return body.length;
}

function stringEnd(body: Buffer, from: number): number {
  for (let at = from + 1; at < body.length; at++) {
    if (body[at] === 0x5c) at++;
    else if (body[at] === QUOTE) return at;
  }
  return body.length;
}
