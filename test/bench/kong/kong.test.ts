import { expect, test } from "vitest";
import type { Figure } from "../figure.ts";
import { asKongMarkdown, isKongMissed, type Kong } from "./kong.ts";

const FIGURE: Figure = { what: "CPU", unit: "µs", compare: "ratio", goal: 2, limit: 3, checked: true };
const RESULT: Kong = {
  ...{ date: "2026-01-02", commit: "abc", cores: null, precedence: [], rounds: 1, coresOfOthers: 0 },
  machine: { processor: "P", cores: 2, memoryGiB: 4, kernel: "6", node: "24" },
  measured: [{ figure: FIGURE, pairs: [{ plain: 100, oneapi: 250 }] }],
  refusals: { calls: 1_000_000, seconds: 2, memory: [90, 95, 98, 99, 100, 101, 102, 103, 104, 105, 107] },
  streams: { timed: [{ what: "event", median: 0.5, p99: 2, most: 3, limit: 1 }], events: 100, joined: 0 },
};

test("what is measured is told in one page", () => {
  const text = asKongMarkdown(RESULT);
  expect(text).toContain("| CPU | 100 µs | 250 µs | **2.50** |  | 2 | 3 * | within the limit |");
  expect(text).toContain("| event | 0.50 ms | 2.00 ms | 3.00 ms | 1 ms | within the limit |");
  // From the fifth tenth, 101, to the last.
  expect(text).toContain("second half: 6.00 MiB\n(goal 5; over the goal)");
  expect(asKongMarkdown({ ...RESULT, refusals: { ...RESULT.refusals, calls: 1000 } })).toContain(
    "(goal 5; of 1,000,000 requests)",
  );
});

test("a ratio over its limit and an event that did not come alone are misses, a slow machine is none", () => {
  expect(isKongMissed(RESULT)).toBe(false);
  expect(isKongMissed({ ...RESULT, measured: [{ figure: FIGURE, pairs: [{ plain: 100, oneapi: 301 }] }] })).toBe(true);
  expect(isKongMissed({ ...RESULT, streams: { ...RESULT.streams, joined: 1 } })).toBe(true);
  const slow = { what: "event", median: 5, p99: 9, most: 9, limit: 1 };
  expect(isKongMissed({ ...RESULT, streams: { ...RESULT.streams, timed: [slow] } })).toBe(false);
});
