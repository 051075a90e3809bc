import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteWriter } from "./byte-writer.ts";
import { ARRAY, FALSE, Json, NULL, NUMBER, OBJECT, STRING, TRUE } from "./json.ts";
import { MAX_DEPTH } from "./json-scan.ts";
import { encodeUtf8 } from "./text.ts";

const encoder = new TextEncoder();

function parse(text: string): Json | null {
  return Json.parse(encoder.encode(text));
}

function parsed(text: string): Json {
  const json = parse(text);
  if (json === null) throw new Error(`not JSON: ${text}`);
  return json;
}

/** The value as JSON.parse would give it, read through nothing but the public face of `Json`. */
function readValue(json: Json): unknown {
  if (json.kind === NULL) return null;
  if (json.kind === TRUE || json.kind === FALSE) return json.kind === TRUE;
  if (json.kind === NUMBER) return Number(json.text());
  if (json.kind === STRING) return json.text();
  const children: Json[] = [];
  for (let child = json.first(); child !== null; child = child.next) children.push(child);
  if (json.kind === ARRAY) return children.map(readValue);
  const object: Record<string, unknown> = {};
  for (const child of children) {
    Object.defineProperty(object, child.key(), {
      value: readValue(child),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return object;
}

/** What JSON.parse makes of the text; undefined when it is none. */
function reference(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Any UTF-16 unit written as it is or as an escape: surrogate halves too. */
const spelledString = fc
  .array(
    fc.oneof(
      fc.constantFrom(..."abé漢🙂 ", "\\n", "\\\\", '\\"', "\\/", "\\b", "\\f", "\\r", "\\t"),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`),
      fc.integer({ min: 0xd7f0, max: 0xe010 }).map((unit) => `\\u${unit.toString(16).toUpperCase()}`),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => `"${pieces.join("")}"`);

const spelledNumber = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.oneof(fc.constant("0"), fc.bigInt({ min: 1n, max: 10n ** 30n }).map(String)),
    fc.constantFrom("", ".0", ".50", ".000001"),
    fc.constantFrom("", "e0", "E+3", "e-7"),
  )
  .map((parts) => parts.join(""));

const space = fc.constantFrom("", " ", "\n", "\t", "\r\n");

const { value: spelledValue } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.constantFrom("null", "true", "false"),
    spelledNumber,
    spelledString,
    fc
      .tuple(fc.array(tie("value"), { maxLength: 4 }), space, space)
      .map(([items, before, after]) => `[${before}${items.join(`${after},${before}`)}${after}]`),
    fc
      .tuple(fc.array(fc.tuple(spelledString, tie("value")), { maxLength: 4 }), space, space)
      .map(
        ([items, before, after]) =>
          `{${before}${items.map(([key, value]) => `${key}${after}:${before}${value}`).join(`,${before}`)}${after}}`,
      ),
  ),
}));

describe("Json.parse", () => {
  test("reads what JSON.parse reads", () => {
    fc.assert(
      fc.property(spelledValue, space, (text, around) => {
        expect(readValue(parsed(around + text + around))).toEqual(JSON.parse(text));
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  test("accepts exactly what JSON.parse accepts, also of texts with one byte changed", () => {
    const harmful = fc.constantFrom(...'{}[]:,"\\0-.eE+tfnu \n\u0001\u007fé');
    const mutated = fc
      .tuple(spelledValue, fc.nat(), harmful, fc.constantFrom("insert", "replace", "remove"))
      .map(([text, position, piece, how]) => {
        const at = position % (text.length + 1);
        return text.slice(0, at) + (how === "remove" ? "" : piece) + text.slice(how === "insert" ? at : at + 1);
      })
      .filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(mutated, (text) => {
        const expected = reference(text);
        const json = parse(text);
        expect(json === null ? undefined : readValue(json)).toEqual(expected);
      }),
      { seed: 2, numRuns: 5000 },
    );
  });

  test.each([
    ["", "nothing"],
    [" ", "white space"],
    ["01", "leading zero"],
    ["-", "minus alone"],
    ["1.", "no digit after the point"],
    [".5", "no digit before the point"],
    ["1e", "no exponent"],
    ["+1", "plus"],
    ["NaN", "NaN"],
    ["Infinity", "Infinity"],
    ["[1,]", "comma at the end"],
    ['{"a":1,}', "comma at the end of an object"],
    ["[1 2]", "no comma"],
    ['{"a" 1}', "no colon"],
    ["{1:2}", "key that is no string"],
    ["[1", "open array"],
    ['{"a":1', "open object"],
    ['"a', "open string"],
    ['"\n"', "line break in a string"],
    ['"\\x"', "unknown escape"],
    ['"\\u12g4"', "wrong hex"],
    ['"\\u12', "cut escape"],
    ["tru", "cut word"],
    ["true false", "two values"],
    ["[1]]", "one bracket too many"],
    ["\u00a0[]", "white space that JSON does not know"],
    ["\ufeff[]", "byte order mark"],
  ])("refuses %j (%s)", (text) => {
    expect(parse(text)).toBeNull();
  });

  test(`takes ${MAX_DEPTH} levels and refuses one more, in time`, () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(parse(nested(MAX_DEPTH))).not.toBeNull();
    expect(parse(nested(MAX_DEPTH + 1))).toBeNull();
    expect(parse(`${'{"a":'.repeat(MAX_DEPTH)}1${"}".repeat(MAX_DEPTH)}`)).not.toBeNull();
    expect(parse("[".repeat(5_000_000))).toBeNull();
  });

  test("reads a span and nothing around it", () => {
    const bytes = encoder.encode('data: {"a":1}]]');
    expect(Json.parseSpan(bytes, 6, 13)?.count32("a", 0)).toBe(1);
    expect(Json.parseSpan(bytes, 6, 14)).toBeNull();
    expect(Json.parseSpan(bytes, 6, 12)).toBeNull();
  });

  test("leaves bytes that are no UTF-8 to the reader of the string", () => {
    const json = Json.parse(Uint8Array.from([0x22, 0xff, 0xe2, 0x82, 0x22]));
    expect(json?.text()).toBe("\ufffd\ufffd");
  });
});

describe("members", () => {
  test("a key is its plain spelling, and of duplicates the last counts, as in JSON.parse", () => {
    for (const text of [
      '{"model":"cheap","model":"dear"}',
      '{"model":"cheap","m\\u006fdel":"dear"}',
      '{"m\\u006fdel":"cheap","model":"dear"}',
    ]) {
      expect(parsed(text).string("model", "")).toBe(JSON.parse(text).model);
    }
  });

  test("keys differ in case, and an empty key is one", () => {
    const json = parsed('{"Model":1,"":2}');
    expect(json.get("model")).toBeNull();
    expect(json.count32("", 0)).toBe(2);
  });

  test("value() takes null for absent, get() does not", () => {
    const json = parsed('{"a":null,"b":false}');
    expect(json.get("a")?.kind).toBe(NULL);
    expect(json.value("a")).toBeNull();
    expect(json.value("b")?.kind).toBe(FALSE);
  });

  test("what is no object has no members", () => {
    for (const text of ["[1]", '"a"', "1", "null"]) expect(parsed(text).get("a")).toBeNull();
  });

  test("string() and flag() answer for their own kinds only", () => {
    const json = parsed('{"s":"x","n":1,"t":true,"z":null}');
    expect(json.string("s", "-")).toBe("x");
    expect(json.string("n", "-")).toBe("-");
    expect(json.string("z", "-")).toBe("-");
    expect(json.flag("t")).toBe(true);
    expect(json.flag("n")).toBe(false);
    expect(json.flag("absent")).toBe(false);
  });

  test("is() compares decoded text", () => {
    expect(parsed('"u\\u0073er"').is("user")).toBe(true);
    expect(parsed('"users"').is("user")).toBe(false);
    expect(parsed("true").is("true")).toBe(false);
  });

  test("count() and isEmpty()", () => {
    expect(parsed("[1,[2,3],{}]").count()).toBe(3);
    expect(parsed("[ ]").isEmpty()).toBe(true);
    expect(parsed("{}").isEmpty()).toBe(true);
    expect(parsed('""').isEmpty()).toBe(true);
    expect(parsed("[0]").isEmpty()).toBe(false);
  });
});

describe("numbers", () => {
  test.each([
    ["0", 0],
    ["7", 7],
    ["3.0", 3],
    ["3.00", 3],
    ["2147483639", 2147483639],
    ["2147483640", 2147483640],
    ["2147483647", 2147483647],
    ["2147483648", -1],
    ["9999999999", -1],
    ["12345678901234567890", -1],
    ["-1", -1],
    ["-0", -1],
    ["3.5", -1],
    ["1e3", -1],
    ["3.0e1", -1],
    ['"3"', -1],
    ["null", -1],
  ])("int(%s) is %d", (text, expected) => {
    expect(parsed(text).int(-1)).toBe(expected);
  });

  test.each([
    ["0", 0],
    ["1790000000123", 1790000000123],
    ["9007199254740991", 2 ** 53 - 1],
    ["9007199254740992", -1],
    ["9007199254740993", -1],
    ["9999999999999999", -1],
    ["10000000000000000", -1],
    ["-5", -1],
    ["5.0", -1],
    ["1e3", -1],
    ['"5"', -1],
  ])("whole(%s) is %d", (text, expected) => {
    expect(parsed(text).whole(-1)).toBe(expected);
  });
});

test("write() gives a value back in its sender's spelling", () => {
  fc.assert(
    fc.property(spelledValue, (text) => {
      const out = new ByteWriter(0);
      parsed(` ${text} `).write(out);
      expect(Buffer.from(out.take())).toEqual(Buffer.from(encodeUtf8(text)));
    }),
    { seed: 3, numRuns: 500 },
  );
});

test("an object of many members is read in time that grows with its size", () => {
  const text = `{${Array.from({ length: 200_000 }, (_, i) => `"k${i}":[${i}]`).join(",")}}`;
  const json = parsed(text);
  expect(json.kind).toBe(OBJECT);
  expect(json.count()).toBe(200_000);
  expect(json.get("k199999")?.first()?.int(0)).toBe(199_999);
});
