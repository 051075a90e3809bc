import "../../target.ts";
import { expect, test } from "vitest";
import { secondsToReset } from "./reset-time.ts";

const at = (iso: string) => Date.parse(iso) / 1000;

test.each([
  ["已达到 5 小时的使用上限。您的限额将在 2026-08-25 07:41:44 重置。", "2026-08-24T23:00:00Z", 41 * 60 + 44],
  ["Usage limit reached. Your limit will reset at 2026-09-12 00:35:41", "2026-09-11T16:19:02Z", 16 * 60 + 39],
  ["resets at 2026-08-07T05:00:00Z", "2026-08-07T04:59:00Z", 60],
  ["reset at 2028-03-01 00:00:01", "2028-02-29T15:59:59Z", 2],
  ["reset at 2027-01-01 00:00:00", "2026-12-31T15:00:00Z", 3600],
  ["reset at 2026-09-30 00:00:00", "2026-09-12T00:00:00Z", 86_400],
  ["reset at 9999-99-99 99:99:99", "2026-09-12T00:00:00Z", 86_400],
  ["reset at 2026-09-11 00:00:00", "2026-09-12T00:00:00Z", 0],
  ["reset at 0000-00-00 00:00:00", "2026-09-12T00:00:00Z", 0],
  ["reset at 2026-09-12 08:00", "2026-09-12T00:00:00Z", 0],
  ["", "2026-09-12T00:00:00Z", 0],
])("%j at %s", (message, now, seconds) => {
  expect(secondsToReset(message, at(now))).toBe(seconds);
});

test("counts the days of every month as the calendar does", () => {
  for (let day = at("2024-01-01T00:00:00Z"); day < at("2030-01-01T00:00:00Z"); day += 86_400) {
    const told = new Date((day + 3600) * 1000).toISOString().slice(0, 19);
    expect(secondsToReset(`${told}Z`, day)).toBe(3600);
  }
});
