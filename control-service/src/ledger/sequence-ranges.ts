/**
 * Sets of sequence numbers as PostgreSQL multiranges of int8, `{[1,5),[7,9)}`: ranges in order, the end not included.
 */

/** From the first number to the one after the last. */
export type SequenceRange = readonly [from: number, to: number];

/** The text of a multirange that holds these numbers; neighbours share a range, so the text stays short. */
export function formatSequences(sequences: readonly number[]): string {
  const ranges: string[] = [];
  const sorted = [...sequences].sort((a, b) => a - b);
  let from = 0;
  let to = 0;
  for (const sequence of sorted) {
    if (sequence < to) continue;
    if (sequence > to) {
      if (to > 0) ranges.push(`[${from},${to})`);
      from = sequence;
    }
    to = sequence + 1;
  }
  if (to > 0) ranges.push(`[${from},${to})`);
  return `{${ranges.join(",")}}`;
}

/** Reads a multirange as PostgreSQL writes it. */
export function parseRanges(text: string): SequenceRange[] {
  return [...text.matchAll(/\[(\d+),(\d+)\)/g)].map((match) => [Number(match[1]), Number(match[2])]);
}

/** The highest n of which all of 1..n are there, 0 when 1 is missing. */
export function contiguous(ranges: readonly SequenceRange[]): number {
  const first = ranges[0];
  return first?.[0] === 1 ? first[1] - 1 : 0;
}

/** The first numbers that are missing although later ones came, or null. */
export function firstGap(ranges: readonly SequenceRange[]): SequenceRange | null {
  const next = contiguous(ranges) + 1;
  const later = ranges.find(([from]) => from > next);
  return later === undefined ? null : [next, later[0]];
}
