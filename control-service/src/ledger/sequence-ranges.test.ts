import fc from "fast-check";
import { expect, it } from "vitest";
import { contiguous, firstGap, formatSequences, parseRanges } from "./sequence-ranges.ts";

const sequences = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 60 });

it("writes a multirange that holds exactly the numbers", () => {
  fc.assert(
    fc.property(sequences, (numbers) => {
      const held = parseRanges(formatSequences(numbers)).flatMap(([from, to]) =>
        Array.from({ length: to - from }, (_, offset) => from + offset),
      );
      expect(held).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    }),
  );
});

it("acknowledges up to the first missing number", () => {
  fc.assert(
    fc.property(sequences, (numbers) => {
      let expected = 0;
      while (numbers.includes(expected + 1)) expected++;
      expect(contiguous(parseRanges(formatSequences(numbers)))).toBe(expected);
    }),
  );
});

it.each([
  ["{}", null],
  ["{[1,5)}", null],
  ["{[1,5),[7,9),[11,12)}", [5, 7]],
  ["{[3,4)}", [1, 3]],
])("finds the first gap of %s", (text, gap) => {
  expect(firstGap(parseRanges(text))).toEqual(gap);
});
