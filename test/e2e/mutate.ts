/** Small damages to a request body, the same for the same seed. */

/** Gives whole numbers from 0 up to, not including, its argument. */
export type Random = (below: number) => number;

/** Mulberry32: 32 bits of state, good enough to choose damages. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What trips parsers and translators: JSON's own signs, edge values, escapes, the names that translators look for. */
const TOKENS = [
  ...'{}[],:"\\ \n\0\x1f',
  "null true false 0 -0 -1 1e999 1E-400 2147483648 99999999999999999999 0.1 NaN -".split(" "),
  ['""', '"\\u0000"', '"\\ud83d"', '"\\udc00"', "\\u006f", "\\uD83D\\uDE00", "\\x", "\u2028", "\ufeff", "é", "😀"],
  [
    '"model"',
    '"messages"',
    '"role"',
    '"content"',
    '"stream"',
    '"tools"',
    '"tool_calls"',
    '"tool_call_id"',
    '"function"',
  ],
  ['"arguments"', '"name"', '"id"', '"type"', '"text"', '"image_url"', '"url"', '"n"', '"stop"', '"max_tokens"'],
  [
    '"system"',
    '"developer"',
    '"user"',
    '"assistant"',
    '"tool"',
    '"solo"',
    '"claude"',
    '"auto"',
    '"required"',
    '"none"',
  ],
  [
    '"data:image/png;base64,"',
    '"https://x"',
    '"response_format"',
    '"json_object"',
    '"reasoning_effort"',
    '"tool_choice"',
  ],
]
  .flat()
  .map((token) => Buffer.from(token));

/** One to four damages, one after the other. */
export function mutate(body: Buffer, random: Random): Buffer {
  let mutated = body;
  for (let left = 1 + random(4); left > 0; left--) mutated = damage(mutated, random);
  return mutated;
}

function damage(body: Buffer, random: Random): Buffer {
  const at = random(body.length + 1);
  const end = Math.min(body.length, at + random(24));
  const token = TOKENS[random(TOKENS.length)] as Buffer;
  switch (random(9)) {
    case 0: // another byte
      return Buffer.concat([body.subarray(0, at), Buffer.from([random(256)]), body.subarray(at + 1)]);
    case 1: // a byte with one bit turned
      return Buffer.concat([
        body.subarray(0, at),
        Buffer.from([(body[at] ?? 0) ^ (1 << random(8))]),
        body.subarray(at + 1),
      ]);
    case 2: // less
      return Buffer.concat([body.subarray(0, at), body.subarray(end)]);
    case 3: // twice
      return Buffer.concat([body.subarray(0, end), body.subarray(at)]);
    case 4: // a token more
      return Buffer.concat([body.subarray(0, at), token, body.subarray(at)]);
    case 5: // a token in place of a value
      return replaceValue(body, at, token);
    case 6: // the end missing
      return body.subarray(0, at);
    case 7: // a part moved from elsewhere
      return Buffer.concat([
        body.subarray(0, at),
        body.subarray(random(body.length + 1)).subarray(0, 40),
        body.subarray(end),
      ]);
    default: // a nest
      return replaceValue(body, at, Buffer.from("[".repeat(1 + random(200)) + "]".repeat(1 + random(200))));
  }
}

/** Puts a token in place of the JSON value that follows the next colon. */
function replaceValue(body: Buffer, from: number, token: Buffer): Buffer {
  const colon = body.indexOf(":", from);
  if (colon < 0) return body;
  let end = colon + 1;
  let depth = 0;
  let quoted = false;
  for (; end < body.length; end++) {
    const sign = String.fromCharCode(body[end] as number);
    if (sign === "\\") end++;
    else if (sign === '"') quoted = !quoted;
    else if (!quoted && (sign === "{" || sign === "[")) depth++;
    else if (!quoted && (sign === "}" || sign === "]" || sign === ",")) {
      if (depth === 0) break;
      if (sign !== ",") depth--;
    }
  }
  return Buffer.concat([body.subarray(0, colon + 1), token, body.subarray(end)]);
}
