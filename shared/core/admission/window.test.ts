import { describe, expect, test } from "vitest";
import { windowEnd, windowName, windowOf, windowStart } from "./window.ts";

const NAMES = ["second", "minute", "hour", "day", "month"] as const;

/** By JavaScript's own calendar. */
function bounds(name: (typeof NAMES)[number], time: number): [number, number] {
  const date = new Date(time);
  const fields = [
    date.getUTCFullYear(),
    date.getUTCMonth(),
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  ] as const;
  const count = { month: 2, day: 3, hour: 4, minute: 5, second: 6 }[name];
  const [year, month, ...rest] = fields.slice(0, count);
  const next = fields.slice(0, count);
  next[count - 1] = (next[count - 1] as number) + 1;
  const [nextYear, nextMonth, ...nextRest] = next;
  return [
    Date.UTC(year as number, month as number, ...rest),
    Date.UTC(nextYear as number, nextMonth as number, ...nextRest),
  ];
}

describe("windows", () => {
  test("have names both ways; what is no window is none", () => {
    for (const name of NAMES) expect(windowName(windowOf(name))).toBe(name);
    expect(windowName(windowOf("none"))).toBe("none");
    expect(windowOf("fortnight")).toBe(0);
    expect([windowStart(0, 1_790_000_000_000), windowEnd(0, 0)]).toEqual([0, 0]);
  });

  test("start and end as in UTC's calendar, leap years and turns of centuries included", () => {
    const times = [
      Date.UTC(2000, 1, 29, 23, 59, 59, 999),
      Date.UTC(2100, 1, 28, 12),
      Date.UTC(2026, 11, 31, 23, 59, 59, 999),
      Date.UTC(2027, 0, 1),
      0,
      1,
    ];
    for (let step = 0; step < 4000; step++) times.push(1_600_000_000_123 + (step * 29_876_543_210) / 10);
    for (const time of times.map(Math.floor)) {
      for (const name of NAMES) {
        const start = windowStart(windowOf(name), time);
        expect([start, windowEnd(windowOf(name), start)], `${name} of ${new Date(time).toISOString()}`).toEqual(
          bounds(name, time),
        );
      }
    }
  });
});
