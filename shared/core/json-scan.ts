import { BACKSLASH, byteAt, QUOTE, skipPlain } from "./bytes.ts";

/** Deeper nesting is refused: a bound that a peer cannot grow. */
export const MAX_DEPTH: i32 = 128;

/**
 * Walks JSON text (RFC 8259) without building anything. Each function takes where a thing starts and answers where it
 * ends, or -1 for text that is not JSON.
 */

export function skipSpace(bytes: Uint8Array, from: i32, end: i32): i32 {
  let at = from;
  while (at < end) {
    const c = byteAt(bytes, at);
    if (c !== 0x20 && c !== 10 && c !== 13 && c !== 9) break;
    at++;
  }
  return at;
}

/** Passes the value at `from` (no leading space); `depth` counts the containers around it. */
export function skipValue(bytes: Uint8Array, from: i32, end: i32, depth: i32): i32 {
  if (from >= end) return -1;
  const c = byteAt(bytes, from);
  if (c === QUOTE) return skipString(bytes, from, end);
  if (c === 0x7b) return depth >= MAX_DEPTH ? -1 : skipObject(bytes, from + 1, end, depth + 1);
  if (c === 0x5b) return depth >= MAX_DEPTH ? -1 : skipArray(bytes, from + 1, end, depth + 1);
  if (c === 0x74) return skipWord(bytes, from, end, "true");
  if (c === 0x66) return skipWord(bytes, from, end, "false");
  if (c === 0x6e) return skipWord(bytes, from, end, "null");
  return skipNumber(bytes, from, end);
}

/** Passes the string whose opening quote is at `from`. */
export function skipString(bytes: Uint8Array, from: i32, end: i32): i32 {
  let at = skipPlain(bytes, from + 1, end);
  while (at < end) {
    const c = byteAt(bytes, at);
    if (c === QUOTE) return at + 1;
    if (c !== BACKSLASH) return -1;
    const width = escapeWidth(bytes, at, end);
    if (width === 0) return -1;
    at = skipPlain(bytes, at + width, end);
  }
  return -1;
}

function skipObject(bytes: Uint8Array, from: i32, end: i32, depth: i32): i32 {
  let at = skipSpace(bytes, from, end);
  if (at < end && byteAt(bytes, at) === 0x7d) return at + 1;
  while (at < end) {
    if (byteAt(bytes, at) !== QUOTE) return -1;
    at = skipString(bytes, at, end);
    if (at < 0) return -1;
    at = skipSpace(bytes, at, end);
    if (at >= end || byteAt(bytes, at) !== 0x3a) return -1;
    at = skipValue(bytes, skipSpace(bytes, at + 1, end), end, depth);
    if (at < 0) return -1;
    at = skipSpace(bytes, at, end);
    if (at >= end) return -1;
    const c = byteAt(bytes, at);
    if (c === 0x7d) return at + 1;
    if (c !== 0x2c) return -1;
    at = skipSpace(bytes, at + 1, end);
  }
  return -1;
}

function skipArray(bytes: Uint8Array, from: i32, end: i32, depth: i32): i32 {
  let at = skipSpace(bytes, from, end);
  if (at < end && byteAt(bytes, at) === 0x5d) return at + 1;
  while (at < end) {
    at = skipValue(bytes, at, end, depth);
    if (at < 0) return -1;
    at = skipSpace(bytes, at, end);
    if (at >= end) return -1;
    const c = byteAt(bytes, at);
    if (c === 0x5d) return at + 1;
    if (c !== 0x2c) return -1;
    at = skipSpace(bytes, at + 1, end);
  }
  return -1;
}

function skipWord(bytes: Uint8Array, from: i32, end: i32, word: string): i32 {
  const stop = from + word.length;
  if (stop > end) return -1;
  for (let i: i32 = 1; i < word.length; i++) {
    if (byteAt(bytes, from + i) !== word.charCodeAt(i)) return -1;
  }
  return stop;
}

function skipNumber(bytes: Uint8Array, from: i32, end: i32): i32 {
  let at = from;
  if (byteAt(bytes, at) === 0x2d) at++;
  let digits = countDigits(bytes, at, end);
  if (digits === 0 || (digits > 1 && byteAt(bytes, at) === 0x30)) return -1;
  at += digits;
  if (at < end && byteAt(bytes, at) === 0x2e) {
    digits = countDigits(bytes, at + 1, end);
    if (digits === 0) return -1;
    at += 1 + digits;
  }
  if (at < end && (byteAt(bytes, at) | 0x20) === 0x65) {
    at++;
    if (at < end && (byteAt(bytes, at) === 0x2b || byteAt(bytes, at) === 0x2d)) at++;
    digits = countDigits(bytes, at, end);
    if (digits === 0) return -1;
    at += digits;
  }
  return at;
}

function countDigits(bytes: Uint8Array, from: i32, end: i32): i32 {
  let at = from;
  while (at < end) {
    const c = byteAt(bytes, at);
    if (c < 0x30 || c > 0x39) break;
    at++;
  }
  return at - from;
}

/** How many bytes the escape at `at` takes; 0 when it is none. */
function escapeWidth(bytes: Uint8Array, at: i32, end: i32): i32 {
  if (at + 1 >= end) return 0;
  const c = byteAt(bytes, at + 1);
  if (c === 0x75) {
    if (at + 6 > end) return 0;
    for (let i: i32 = 2; i < 6; i++) {
      if (hexValue(byteAt(bytes, at + i)) < 0) return 0;
    }
    return 6;
  }
  // " \ / b f n r t
  const known = c === 34 || c === 92 || c === 47 || c === 98 || c === 102 || c === 110 || c === 114 || c === 116;
  return known ? 2 : 0;
}

/** The value of a hexadecimal digit, or -1. */
export function hexValue(c: i32): i32 {
  if (c >= 48 && c <= 57) return c - 48;
  const lower = c | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
