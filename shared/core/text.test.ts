import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeUtf8, encodeUtf8 } from "./text.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Bytes near the borders of UTF-8, where wrong sequences are made of. */
const borderByte = fc.constantFrom(
  ...[0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe2, 0xed, 0xef],
  ...[0xf0, 0xf1, 0xf4, 0xf5, 0xff],
);

test("decodes like the Encoding Standard's decoder, wrong bytes too", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(borderByte, fc.integer({ min: 0, max: 255 })), { maxLength: 24 }), (list) => {
      const bytes = Uint8Array.from(list);
      expect(decodeUtf8(bytes, 0, bytes.length)).toBe(decoder.decode(bytes));
    }),
    { seed: 1, numRuns: 5000 },
  );
});

test("decodes a span and nothing around it", () => {
  const bytes = encoder.encode("é漢🙂");
  expect(decodeUtf8(bytes, 2, 5)).toBe("漢");
  expect(decodeUtf8(bytes, 5, 5)).toBe("");
  expect(decodeUtf8(bytes, 5, 7)).toBe("\ufffd");
});

test("encodes like TextEncoder, lone surrogates too", () => {
  const unit = fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7fe, max: 0xe001 }));
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 24 }), (units) => {
      const text = String.fromCharCode(...units);
      expect(Buffer.from(encodeUtf8(text))).toEqual(Buffer.from(encoder.encode(text)));
    }),
    { seed: 2, numRuns: 5000 },
  );
});

test("takes megabytes", () => {
  const text = "a漢🙂".repeat(500_000);
  const bytes = encodeUtf8(text);
  expect(bytes.length).toBe(4_000_000);
  expect(decodeUtf8(bytes, 0, bytes.length) === text).toBe(true);
});
