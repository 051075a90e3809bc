/**
 * Work on raw bytes. This is the one file in which the two targets differ: Wasm takes sixteen bytes at a time and
 * copies within linear memory, JavaScript uses what its typed arrays offer. Results are the same.
 */

export const QUOTE: i32 = 0x22;
export const BACKSLASH: i32 = 0x5c;

export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** The byte at `at`, which must lie inside: Wasm does not look. For the loops whose own end says so. */
export function byteAt(bytes: Uint8Array, at: i32): i32 {
  if (ASC_TARGET === 0) return bytes[at] as i32;
  return load<u8>(bytes.dataStart + (at as usize)) as i32;
}

/** Puts `value` at `at`, which must lie inside: Wasm does not look. */
export function putByte(bytes: Uint8Array, at: i32, value: i32): void {
  if (ASC_TARGET === 0) bytes[at] = value as u8;
  else store<u8>(bytes.dataStart + (at as usize), value as u8);
}

/** The word at `at`, which must lie inside: Wasm does not look. */
export function wordAt(words: Int32Array, at: i32): i32 {
  if (ASC_TARGET === 0) return words[at] as i32;
  return load<i32>(words.dataStart + ((at as usize) << 2));
}

/** Puts `value` at `at`, which must lie inside: Wasm does not look. */
export function putWord(words: Int32Array, at: i32, value: i32): void {
  if (ASC_TARGET === 0) words[at] = value;
  else store<i32>(words.dataStart + ((at as usize) << 2), value);
}

/** Copies `source[start, end)` to `target` at `at`; the caller has made room. */
export function copyBytes(target: Uint8Array, at: i32, source: Uint8Array, start: i32, end: i32): void {
  if (start >= end) return;
  if (ASC_TARGET === 0) {
    target.set(source.subarray(start, end), at);
  } else {
    if (start < 0 || end > source.length || at < 0 || at + (end - start) > target.length) return;
    memory.copy(target.dataStart + (at as usize), source.dataStart + (start as usize), (end - start) as usize);
  }
}

/** A copy of `source[start, end)` on its own. */
export function sliceBytes(source: Uint8Array, start: i32, end: i32): Uint8Array {
  if (start >= end) return NO_BYTES;
  const copy = new Uint8Array(end - start);
  copyBytes(copy, 0, source, start, end);
  return copy;
}

/** Writes the ASCII text `text` to `target` at `at`; the caller has made room. */
export function copyAscii(target: Uint8Array, at: i32, text: string): void {
  const size = text.length;
  let i: i32 = 0;
  if (ASC_TARGET !== 0) {
    if (at < 0 || at + size > target.length) return;
    const from = changetype<usize>(text);
    const to = target.dataStart + (at as usize);
    for (; i + 8 <= size; i += 8) {
      const units = v128.load(from + ((i as usize) << 1));
      store<u64>(to + (i as usize), i64x2.extract_lane(i8x16.narrow_i16x8_u(units, units), 0));
    }
  }
  for (; i < size; i++) target[at + i] = text.charCodeAt(i) as u8;
}

/**
 * Writes the characters of `text` from `from` on that JSON takes as they are and ASCII holds, up to the first that is
 * not so; answers its index. The caller has made room for all.
 */
export function copyPlain(target: Uint8Array, at: i32, text: string, from: i32): i32 {
  const size = text.length;
  let i = from;
  if (ASC_TARGET !== 0) {
    if (at < 0 || from < 0 || at + (size - from) > target.length) return from;
    const units = changetype<usize>(text);
    const to = target.dataStart + (at as usize);
    for (; i + 8 <= size; i += 8) {
      const eight = v128.load(units + ((i as usize) << 1));
      const special = v128.or(
        v128.or(i16x8.eq(eight, i16x8.splat(0x22)), i16x8.eq(eight, i16x8.splat(0x5c))),
        v128.or(i16x8.lt_u(eight, i16x8.splat(0x20)), i16x8.gt_u(eight, i16x8.splat(0x7f))),
      );
      if (v128.any_true(special)) break;
      store<u64>(to + ((i - from) as usize), i64x2.extract_lane(i8x16.narrow_i16x8_u(eight, eight), 0));
    }
  }
  for (; i < size; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c > 0x7f || c === 0x22 || c === 0x5c) break;
    target[at + (i - from)] = c as u8;
  }
  return i;
}

/** An index in [from, end] before which no byte is a quote, a backslash or a control character. */
export function skipPlain(bytes: Uint8Array, from: i32, end: i32): i32 {
  let at = from;
  if (ASC_TARGET !== 0) {
    const base = bytes.dataStart;
    while (at + 16 <= end) {
      const block = v128.load(base + (at as usize));
      const stops = i8x16.bitmask(
        v128.or(
          v128.or(i8x16.eq(block, i8x16.splat(0x22)), i8x16.eq(block, i8x16.splat(0x5c))),
          i8x16.lt_u(block, i8x16.splat(0x20)),
        ),
      );
      if (stops !== 0) return at + ctz<i32>(stops);
      at += 16;
    }
  }
  while (at < end) {
    const c = byteAt(bytes, at);
    if (c === 0x22 || c === 0x5c || c < 0x20) break;
    at++;
  }
  return at;
}

/** The first index in [from, end) that holds `byte`, or -1. */
export function findByte(bytes: Uint8Array, byte: i32, from: i32, end: i32): i32 {
  let at = from;
  if (ASC_TARGET === 0) {
    // `indexOf` knows no end: on the whole array it would run far past a short span, for each of a million keys.
    if (end - from > 32) {
      const found = bytes.subarray(from, end).indexOf(byte);
      return found < 0 ? -1 : from + found;
    }
  } else {
    const base = bytes.dataStart;
    while (at + 16 <= end) {
      const stops = i8x16.bitmask(i8x16.eq(v128.load(base + (at as usize)), i8x16.splat(byte as i8)));
      if (stops !== 0) return at + ctz<i32>(stops);
      at += 16;
    }
  }
  while (at < end) {
    if (byteAt(bytes, at) === byte) return at;
    at++;
  }
  return -1;
}

/** The first CR or LF in [from, end), or -1. */
export function findLineEnd(bytes: Uint8Array, from: i32, end: i32): i32 {
  let at = from;
  if (ASC_TARGET !== 0) {
    const base = bytes.dataStart;
    while (at + 16 <= end) {
      const block = v128.load(base + (at as usize));
      const stops = i8x16.bitmask(v128.or(i8x16.eq(block, i8x16.splat(10)), i8x16.eq(block, i8x16.splat(13))));
      if (stops !== 0) return at + ctz<i32>(stops);
      at += 16;
    }
  }
  while (at < end) {
    const c = byteAt(bytes, at);
    if (c === 10 || c === 13) return at;
    at++;
  }
  return -1;
}

/** The end of the run of ASCII that starts at `from`, at most `end`. */
export function skipAscii(bytes: Uint8Array, from: i32, end: i32): i32 {
  let at = from;
  if (ASC_TARGET !== 0) {
    const base = bytes.dataStart;
    while (at + 16 <= end) {
      const stops = i8x16.bitmask(v128.load(base + (at as usize)));
      if (stops !== 0) return at + ctz<i32>(stops);
      at += 16;
    }
  }
  while (at < end && byteAt(bytes, at) < 0x80) at++;
  return at;
}

/** The text of bytes that are known to be ASCII. */
export function asciiText(bytes: Uint8Array, start: i32, end: i32): string {
  if (ASC_TARGET === 0) return utf8Decoder.decode(bytes.subarray(start, end));
  if (start < 0 || end > bytes.length || start >= end) return "";
  return String.UTF8.decodeUnsafe(bytes.dataStart + (start as usize), (end - start) as usize);
}

/** Whether `bytes[start, end)` is exactly the ASCII text `text`. */
export function equalsAscii(bytes: Uint8Array, start: i32, end: i32, text: string): boolean {
  const length = text.length;
  if (end - start !== length) return false;
  for (let i: i32 = 0; i < length; i++) {
    if (byteAt(bytes, start + i) !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** As `equalsAscii`, with ASCII letters of both sides taken as lower case. */
export function equalsAsciiFolded(bytes: Uint8Array, start: i32, end: i32, lowerCase: string): boolean {
  const length = lowerCase.length;
  if (end - start !== length) return false;
  for (let i: i32 = 0; i < length; i++) {
    let c = byteAt(bytes, start + i);
    if (c >= 65 && c <= 90) c += 32;
    if (c !== lowerCase.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether the ASCII text `text` stands at `at`, inside [at, end). */
export function startsAscii(bytes: Uint8Array, at: i32, end: i32, text: string): boolean {
  return at + text.length <= end && equalsAscii(bytes, at, at + text.length, text);
}
