/** Windows of limits: fixed, and aligned to UTC. */
export const NO_WINDOW: i32 = 0;
export const SECOND: i32 = 1;
export const MINUTE: i32 = 2;
export const HOUR: i32 = 3;
export const DAY: i32 = 4;
export const MONTH: i32 = 5;

const DAY_MS: f64 = 86400000;

/** The window of this name; NO_WINDOW for `none` and for names that are not known. */
export function windowOf(name: string): i32 {
  if (name === "second") return SECOND;
  if (name === "minute") return MINUTE;
  if (name === "hour") return HOUR;
  if (name === "day") return DAY;
  if (name === "month") return MONTH;
  return NO_WINDOW;
}

export function windowName(window: i32): string {
  if (window === SECOND) return "second";
  if (window === MINUTE) return "minute";
  if (window === HOUR) return "hour";
  if (window === DAY) return "day";
  if (window === MONTH) return "month";
  return "none";
}

/** When the window around `time` began, both in Unix milliseconds; 0 for NO_WINDOW. */
export function windowStart(window: i32, time: f64): f64 {
  if (window === NO_WINDOW) return 0;
  if (window === MONTH) return monthStart(time);
  const size = fixedSize(window);
  return Math.floor(time / size) * size;
}

/** When the window that began at `start` ends, in Unix milliseconds; 0 for NO_WINDOW. */
export function windowEnd(window: i32, start: f64): f64 {
  if (window === NO_WINDOW) return 0;
  if (window === MONTH) return monthStart(start + 32 * DAY_MS);
  return start + fixedSize(window);
}

function fixedSize(window: i32): f64 {
  if (window === SECOND) return 1000;
  if (window === MINUTE) return 60000;
  if (window === HOUR) return 3600000;
  return DAY_MS;
}

/** A leap day ends a cycle of years that begins in March: counted so, a day's place in its month follows by itself. */
const MARCH_0000: f64 = 719468;
const DAYS_IN_400_YEARS: f64 = 146097;

function monthStart(time: f64): f64 {
  const day = Math.floor(time / DAY_MS);
  const since = day + MARCH_0000;
  const inCycle = since - Math.floor(since / DAYS_IN_400_YEARS) * DAYS_IN_400_YEARS;
  const leapDays = Math.floor(inCycle / 1460) - Math.floor(inCycle / 36524) + Math.floor(inCycle / 146096);
  const year = Math.floor((inCycle - leapDays) / 365);
  const inYear = inCycle - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const month = Math.floor((5 * inYear + 2) / 153);
  const inMonth = inYear - Math.floor((153 * month + 2) / 5);
  return (day - inMonth) * DAY_MS;
}
