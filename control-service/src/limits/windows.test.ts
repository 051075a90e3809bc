import { describe, expect, it } from "vitest";
import { windowAt } from "./windows.ts";

describe("windowAt", () => {
  const now = Date.parse("2028-02-29T23:59:59.999Z");
  it.each([
    ["second", "2028-02-29T23:59:59Z", "2028-03-01T00:00:00Z"],
    ["minute", "2028-02-29T23:59:00Z", "2028-03-01T00:00:00Z"],
    ["hour", "2028-02-29T23:00:00Z", "2028-03-01T00:00:00Z"],
    ["day", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"],
    ["month", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"],
  ] as const)("knows the %s of a moment", (window, start, end) => {
    expect(windowAt(window, now)).toEqual({ start: Date.parse(start), end: Date.parse(end) });
    expect(windowAt(window, now + 1).start).toBe(Date.parse(end));
  });

  it("never ends without a window, and turns the year", () => {
    expect(windowAt("none", now)).toEqual({ start: 0, end: null });
    expect(windowAt("month", Date.parse("2027-12-31T12:00:00Z")).end).toBe(Date.parse("2028-01-01T00:00:00Z"));
  });
});
