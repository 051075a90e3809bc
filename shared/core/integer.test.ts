import fc from "fast-check";
import { expect, it } from "vitest";
import { idiv } from "./integer.ts";

it("rounds towards zero", () => {
  expect(idiv(7, 2)).toBe(3);
  expect(idiv(-7, 2)).toBe(-3);
  expect(idiv(-2147483648, 1)).toBe(-2147483648);
});

it("agrees with division of whole numbers", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1 }), (a, b) => {
      expect(BigInt(idiv(a, b))).toBe(BigInt(a) / BigInt(b));
    }),
  );
});

it("answers 0 where Wasm would trap", () => {
  expect(idiv(5, 0)).toBe(0);
  expect(idiv(-2147483648, -1)).toBe(0);
});
