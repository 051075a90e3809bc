import fc from "fast-check";
import { expect, it } from "vitest";
import { Random } from "./random.ts";

/** Pearson's statistic: about the number of cells for even counts, far above it for others. */
function chiSquared(counts: number[], expected: number): number {
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

it("is xorshift32 as its author published it", () => {
  // Its first answers from the seed that he gives.
  const random = new Random(2463534242 | 0);
  expect(Array.from({ length: 4 }, () => random.next() >>> 0)).toEqual([723471715, 2497366906, 2064144800, 2008045182]);
});

it("never sticks at 0", () => {
  const random = new Random(0);
  const seen = new Set(Array.from({ length: 1000 }, () => random.next()));
  expect(seen.size).toBe(1000);
  expect(seen.has(0)).toBe(false);
});

it("stays below the bound, and answers 0 where there is no choice", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1 }), (seed, bound) => {
      const value = new Random(seed).below(bound);
      expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true);
    }),
  );
  for (const bound of [1, 0, -1, -2147483648]) expect(new Random(7).below(bound)).toBe(0);
});

it("is as likely to answer one number as another", () => {
  const random = new Random(20_260_101);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) counts[random.below(10)]!++;
  // 9 degrees of freedom: above 33.7 once in 10 000 seeds.
  expect(chiSquared(counts, 10_000)).toBeLessThan(33.7);
});

it("favours no small number where the bound does not divide the range", () => {
  // Of 3 · 2²⁹ values the first third would come twice as often without the rejection.
  const bound = 3 * 2 ** 29;
  const random = new Random(99);
  const counts = new Array<number>(3).fill(0);
  for (let i = 0; i < 30_000; i++) counts[Math.floor(random.below(bound) / 2 ** 29)]!++;
  expect(chiSquared(counts, 10_000)).toBeLessThan(18.4);
});

it("makes hex of any length, another each time", () => {
  const random = new Random(5);
  expect(random.hex(0)).toBe("");
  expect(random.hex(1)).toMatch(/^[0-9a-f]{2}$/);
  expect(random.hex(7)).toMatch(/^[0-9a-f]{14}$/);
  const ids = new Set(Array.from({ length: 10_000 }, () => random.hex(16)));
  expect(ids.size).toBe(10_000);
  // Every byte of an id varies, not only those of the first number.
  for (let at = 0; at < 32; at += 2) expect(new Set([...ids].map((id) => id.slice(at, at + 2))).size).toBe(256);
});
