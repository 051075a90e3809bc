import { expect, test } from "vitest";
import { compared, type Figure, isMissed, spread } from "./figure.ts";

const FIGURE: Figure = { what: "CPU", unit: "µs", compare: "ratio", goal: 1.5, limit: 2, checked: true };

test("a spread is the median and the quartiles, between values where it must be", () => {
  expect(spread([4, 1, 3, 2, 5])).toEqual({ lower: 2, median: 3, upper: 4 });
  expect(spread([1, 2, 3, 4])).toEqual({ lower: 1.75, median: 2.5, upper: 3.25 });
  expect(spread([10, 9])).toEqual({ lower: 9.25, median: 9.5, upper: 9.75 });
});

test("pairs are compared one by one, so a change between them does not show", () => {
  // The machine became three times as slow; the ratio of the medians would be 60 / 20.
  const pairs = [
    { plain: 10, oneapi: 20 },
    { plain: 20, oneapi: 40 },
    { plain: 30, oneapi: 60 },
  ];
  expect(compared({ figure: FIGURE, pairs }).median).toBe(2);
  expect(compared({ figure: { ...FIGURE, compare: "difference" }, pairs }).median).toBe(20);
});

test("a limit is missed by a median above it", () => {
  const at = (ratio: number) => ({ figure: FIGURE, pairs: [{ plain: 10, oneapi: 10 * ratio }] });
  expect(isMissed(at(2))).toBe(false);
  expect(isMissed(at(2.01))).toBe(true);
  expect(isMissed({ ...at(9), figure: { ...FIGURE, limit: null } })).toBe(false);
});
