import { ByteWriter } from "./byte-writer.ts";
import { BACKSLASH, findByte, QUOTE, skipPlain } from "./bytes.ts";
import { hexValue } from "./json-scan.ts";

/**
 * From a JSON string to its text and back, on bytes alone: what is a string on one side of a translation and JSON on the
 * other (a tool's arguments) never becomes UTF-16.
 */

/** Writes the text, in UTF-8, that the inside `[start, end)` of a checked JSON string spells. */
export function unescapeJson(bytes: Uint8Array, start: i32, end: i32, out: ByteWriter): void {
  let from = start;
  let back = findByte(bytes, BACKSLASH, from, end);
  while (back >= 0) {
    out.copy(bytes, from, back);
    const c = bytes[back + 1] as i32;
    from = back + 2;
    if (c === 0x75) from = unescapeUnit(bytes, from, end, out);
    else out.byte(c === 110 ? 10 : c === 116 ? 9 : c === 114 ? 13 : c === 98 ? 8 : c === 102 ? 12 : c);
    back = findByte(bytes, BACKSLASH, from, end);
  }
  out.copy(bytes, from, end);
}

/** Writes the character whose four digits stand at `at`, with the other half of its pair; answers where the rest starts. */
function unescapeUnit(bytes: Uint8Array, at: i32, end: i32, out: ByteWriter): i32 {
  let point = unit(bytes, at);
  let next = at + 4;
  if (point >= 0xd800 && point <= 0xdbff && next + 6 <= end && (bytes[next] as i32) === BACKSLASH) {
    const low = (bytes[next + 1] as i32) === 0x75 ? unit(bytes, next + 2) : 0;
    if (low >= 0xdc00 && low <= 0xdfff) {
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
      next += 6;
    }
  }
  if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
  if (point < 0x80) out.byte(point);
  else if (point < 0x800) out.byte(0xc0 | (point >> 6)).byte(0x80 | (point & 0x3f));
  else {
    if (point < 0x10000) out.byte(0xe0 | (point >> 12));
    else out.byte(0xf0 | (point >> 18)).byte(0x80 | ((point >> 12) & 0x3f));
    out.byte(0x80 | ((point >> 6) & 0x3f)).byte(0x80 | (point & 0x3f));
  }
  return next;
}

function unit(bytes: Uint8Array, at: i32): i32 {
  let value: i32 = 0;
  for (let i: i32 = 0; i < 4; i++) value = (value << 4) | hexValue(bytes[at + i] as i32);
  return value;
}

/** Writes `bytes[start, end)`, UTF-8 text, as the inside of a JSON string. */
export function escapeJson(bytes: Uint8Array, start: i32, end: i32, out: ByteWriter): void {
  let from = start;
  let at = skipPlain(bytes, from, end);
  while (at < end) {
    out.copy(bytes, from, at);
    const c = bytes[at] as i32;
    if (c === QUOTE || c === BACKSLASH) out.byte(BACKSLASH).byte(c);
    else if (c === 10) out.ascii("\\n");
    else if (c === 13) out.ascii("\\r");
    else if (c === 9) out.ascii("\\t");
    else {
      out.ascii("\\u00");
      out.byte(hexDigit(c >> 4)).byte(hexDigit(c & 15));
    }
    from = at + 1;
    at = skipPlain(bytes, from, end);
  }
  out.copy(bytes, from, end);
}

function hexDigit(value: i32): i32 {
  return value < 10 ? 48 + value : 87 + value;
}

/**
 * Whether the inside `[start, end)` of a checked JSON string is empty or white space only, in any spelling of ASCII's,
 * the no-break space and the ideographic space.
 */
export function isBlankJson(bytes: Uint8Array, start: i32, end: i32): boolean {
  let at = start;
  while (at < end) {
    const c = bytes[at] as i32;
    if (c === 0x20) at++;
    else if (c === BACKSLASH) {
      const e = bytes[at + 1] as i32;
      if (e === 110 || e === 114 || e === 116 || e === 102) at += 2;
      else if (e === 0x75 && isSpaceUnit(unit(bytes, at + 2))) at += 6;
      else return false;
    } else if (c === 0xc2 && at + 1 < end && (bytes[at + 1] as i32) === 0xa0) at += 2;
    else if (c === 0xe3 && at + 2 < end && (bytes[at + 1] as i32) === 0x80 && (bytes[at + 2] as i32) === 0x80) at += 3;
    else return false;
  }
  return true;
}

function isSpaceUnit(value: i32): boolean {
  return value === 0x20 || (value >= 9 && value <= 13) || value === 0xa0 || value === 0x3000;
}

/** Where the inside `[start, end)` of a checked JSON string ends when the white space at its end is left off. */
export function trimEndJson(bytes: Uint8Array, start: i32, end: i32): i32 {
  let at = end;
  let width = spaceWidth(bytes, start, at);
  while (width > 0) {
    at -= width;
    width = spaceWidth(bytes, start, at);
  }
  return at;
}

/** How many bytes before `end` spell one white space; 0 when none do. */
function spaceWidth(bytes: Uint8Array, start: i32, end: i32): i32 {
  if (end > start && (bytes[end - 1] as i32) === 0x20) return 1;
  for (let width: i32 = 2; width <= 6; width++) {
    const from = end - width;
    if (from < start) return 0;
    if ((bytes[from] as i32) === BACKSLASH && !opensEscape(bytes, start, from)) return 0;
    if (isBlankJson(bytes, from, end)) return width;
  }
  return 0;
}

/** Whether the backslash at `at` opens an escape and is not the second half of one: an even number stands before it. */
function opensEscape(bytes: Uint8Array, start: i32, at: i32): boolean {
  let from = at;
  while (from > start && (bytes[from - 1] as i32) === BACKSLASH) from--;
  return ((at - from) & 1) === 0;
}
