import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "./byte-writer.ts";
import { escapeJson, isBlankJson, trimEndJson, unescapeJson } from "./json-text.ts";
import { decodeUtf8, encodeUtf8 } from "./text.ts";

function written(write: (out: ByteWriter) => void): string {
  const out = new ByteWriter(0);
  write(out);
  return decodeUtf8(out.bytes, 0, out.length);
}

/** Spells each character of a string in one of the ways that JSON has for it. */
const spelledText = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.constantFrom(" ", "\n", "\t", "\r", "\f", "\u00a0", "\u3000", "\\", '"', "/", "n", "u"),
        fc.string({ unit: "binary", maxLength: 1 }),
      ),
      fc.boolean(),
    ),
    { maxLength: 20 },
  )
  .map((characters) => ({
    text: characters.map(([character]) => character).join(""),
    spelled: characters
      .map(([character, asCode]) =>
        asCode
          ? Array.from(
              { length: character.length },
              (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
            ).join("")
          : JSON.stringify(character).slice(1, -1),
      )
      .join(""),
  }));

const SPACE = "[ \\t\\n\\r\\f\\v\\u00a0\\u3000]";

describe("the inside of a JSON string", () => {
  it("is unescaped as JSON.parse does, but for lone surrogates, which UTF-8 cannot spell", () => {
    fc.assert(
      fc.property(spelledText, ({ spelled }) => {
        const bytes = encodeUtf8(`"${spelled}"`);
        const expected = (JSON.parse(`"${spelled}"`) as string).toWellFormed();
        expect(written((out) => unescapeJson(bytes, 1, bytes.length - 1, out))).toBe(expected);
      }),
    );
    const half = encodeUtf8("\\ud83dx\\ude00\\ud83d\\ud83d\\ude00\\ud83d\\n");
    const lowest = encodeUtf8("\\ud800\\udc00\\udbff\\udfff");
    expect(written((out) => unescapeJson(lowest, 0, lowest.length, out))).toBe("\u{10000}\u{10ffff}");
    expect(written((out) => unescapeJson(half, 0, half.length, out))).toBe("\ufffdx\ufffd\ufffd😀\ufffd\n");
  });

  it("is escaped so that JSON.parse finds the text again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        const bytes = encodeUtf8(text);
        expect(JSON.parse(`"${written((out) => escapeJson(bytes, 0, bytes.length, out))}"`)).toBe(text.toWellFormed());
      }),
    );
  });

  it("is blank, and ends in white space, in any spelling", () => {
    fc.assert(
      fc.property(spelledText, ({ text, spelled }) => {
        const bytes = encodeUtf8(`"${spelled}"`);
        const end = bytes.length - 1;
        expect(isBlankJson(bytes, 1, end)).toBe(new RegExp(`^${SPACE}*$`).test(text));
        const trimmed = JSON.parse(`"${decodeUtf8(bytes, 1, trimEndJson(bytes, 1, end))}"`) as string;
        expect(trimmed).toBe(text.replace(new RegExp(`${SPACE}*$`), ""));
      }),
      { numRuns: 2000 },
    );
  });
});
