import { describe, expect, it } from "vitest";
import { durationSchema, milliseconds } from "./duration.ts";

describe("durations", () => {
  it.each([
    ["500ms", 500, "500ms"],
    ["2s", 2000, "2s"],
    ["120s", 120_000, "2m"],
    ["90s", 90_000, "90s"],
    ["24h", 86_400_000, "24h"],
    ["1000ms", 1000, "1s"],
  ])("%s is %i ms, written %s", (text, ms, normal) => {
    expect(milliseconds(text)).toBe(ms);
    expect(durationSchema.parse(text)).toBe(normal);
  });

  it.each(["", "2", "2 s", "-1s", "1.5s", "2d", "0s", "25h", "99999999999s", 5, null])("refuses %j", (value) => {
    expect(durationSchema.safeParse(value).success).toBe(false);
  });
});
