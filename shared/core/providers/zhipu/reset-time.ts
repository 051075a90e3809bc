import { idiv } from "../../integer.ts";

const DAY: i32 = 86400;
/** The vendor tells the time of Beijing, also in English and to its customers elsewhere. */
const BEIJING: i32 = 8 * 3600;
/** `2026-11-27 21:30:00`; digits stand for digits. */
const SHAPE: string = "0000-00-00 00:00:00";

/**
 * In how many seconds a plan's window is new, as the text of the error tells ("… reset at 2026-11-27 21:30:00"): at most
 * a day, 0 when it tells no time to come. `now`: Unix time in seconds.
 * @see https://docs.bigmodel.cn/cn/api/api-code (1308, 1310)
 */
export function secondsToReset(message: string, now: i32): i32 {
  const last = message.length - SHAPE.length;
  for (let at: i32 = 0; at <= last; at++) {
    if (!isTime(message, at)) continue;
    const utc = at < last && message.charCodeAt(at + SHAPE.length) === 0x5a;
    const local: i32 = utc ? now : now + BEIJING;
    const today = idiv(local, DAY);
    const days = daysSince1970(number(message, at, 4), number(message, at + 5, 2), number(message, at + 8, 2)) - today;
    if (days < 0) return 0;
    if (days > 1) return DAY;
    const time = number(message, at + 11, 2) * 3600 + number(message, at + 14, 2) * 60 + number(message, at + 17, 2);
    const wait = days * DAY + time - (local - today * DAY);
    return wait < 0 ? 0 : wait > DAY ? DAY : wait;
  }
  return 0;
}

/** Whether a date and time begin here; a `T` may stand between them. */
function isTime(text: string, at: i32): boolean {
  for (let i: i32 = 0; i < SHAPE.length; i++) {
    const c = text.charCodeAt(at + i);
    const wanted = SHAPE.charCodeAt(i);
    if (wanted === 0x30) {
      if (c < 0x30 || c > 0x39) return false;
    } else if (c !== wanted && !(wanted === 0x20 && c === 0x54)) return false;
  }
  return true;
}

function number(text: string, at: i32, digits: i32): i32 {
  let value: i32 = 0;
  for (let i: i32 = 0; i < digits; i++) value = value * 10 + (text.charCodeAt(at + i) - 0x30);
  return value;
}

/** Days from 1970-01-01 to this date of the Gregorian calendar; years are counted from March, so that a leap day ends one. */
function daysSince1970(year: i32, month: i32, day: i32): i32 {
  const years: i32 = month > 2 ? year : year - 1;
  const months: i32 = month > 2 ? month - 3 : month + 9;
  const leaps = idiv(years, 4) - idiv(years, 100) + idiv(years, 400);
  return years * 365 + leaps + idiv(153 * months + 2, 5) + day - 719469;
}
