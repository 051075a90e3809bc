import fc from "fast-check";
import { expect, test } from "vitest";
import {
  copyBytes,
  equalsAscii,
  equalsAsciiFolded,
  findByte,
  findLineEnd,
  skipPlain,
  sliceBytes,
  startsAscii,
} from "./bytes.ts";

const encoder = new TextEncoder();
const text = fc.string({ unit: fc.constantFrom(...'ab"\\\r\n\u0001é'), maxLength: 60 });

/** `value` or, as the functions tell "none", `otherwise`. */
function within(value: number, from: number, end: number, otherwise: number): number {
  return value >= from && value < end ? value : otherwise;
}

test("searches agree with those of Buffer, from and to any place", () => {
  fc.assert(
    fc.property(text, fc.nat(80), fc.nat(80), (string, a, b) => {
      const bytes = Buffer.from(string);
      const end = Math.min(Math.max(a, b), bytes.length);
      const from = Math.min(a, b, end);
      const span = bytes.subarray(0, end);
      expect(findByte(bytes, 0x61, from, end)).toBe(within(span.indexOf("a", from), from, end, -1));
      const line = span.findIndex((byte, at) => at >= from && (byte === 10 || byte === 13));
      expect(findLineEnd(bytes, from, end)).toBe(line);
      const special = span.findIndex((byte, at) => at >= from && (byte === 0x22 || byte === 0x5c || byte < 0x20));
      expect(skipPlain(bytes, from, end)).toBe(special < 0 ? end : special);
    }),
    { seed: 1, numRuns: 3000 },
  );
});

test("comparisons look at the span only", () => {
  const bytes = encoder.encode("xAuthorizationx");
  expect(equalsAscii(bytes, 1, 14, "Authorization")).toBe(true);
  expect(equalsAscii(bytes, 1, 14, "authorization")).toBe(false);
  expect(equalsAscii(bytes, 1, 13, "Authorization")).toBe(false);
  expect(equalsAsciiFolded(bytes, 1, 14, "authorization")).toBe(true);
  expect(equalsAsciiFolded(bytes, 0, 14, "authorization")).toBe(false);
  // "[" is 0x5b, one above "Z": it is no letter to be folded.
  expect(equalsAsciiFolded(encoder.encode("["), 0, 1, "{")).toBe(false);
  expect(startsAscii(bytes, 1, 15, "Auth")).toBe(true);
  expect(startsAscii(bytes, 13, 15, "nxy")).toBe(false);
});

test("copies and slices are on their own", () => {
  const source = Uint8Array.from([1, 2, 3, 4]);
  const slice = sliceBytes(source, 1, 3);
  source[1] = 9;
  expect([...slice]).toEqual([2, 3]);
  expect(sliceBytes(source, 3, 1).length).toBe(0);
  const target = new Uint8Array(4);
  copyBytes(target, 2, source, 2, 4);
  copyBytes(target, 0, source, 4, 4);
  expect([...target]).toEqual([0, 0, 3, 4]);
});
