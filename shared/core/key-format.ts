import { startsAscii } from "./bytes.ts";
import { idiv } from "./integer.ts";
import { sha256Word } from "./sha256.ts";

/**
 * What a key looks like. Keys that the service makes are `sk-oa-`, 32 random characters of base62 and a checksum of 6,
 * so a random guess of that form is refused without asking anybody. The checksum is the SHA-256 of all that stands
 * before it: its first four bytes, a big-endian number, in base62 with leading zeros.
 */
export const SERVICE_KEY_PREFIX: string = "sk-oa-";

const BASE62: string = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BODY_SIZE: i32 = 38;
const SERVICE_KEY_SIZE: i32 = 44;
const CHECKSUM_SIZE: i32 = 6;
const SHORTEST_KEY: i32 = 20;
const LONGEST_KEY: i32 = 200;

const checksum: Uint8Array = new Uint8Array(6);

/** Whether `bytes[start, end)` claims to be a key that the service made. */
export function isServiceKey(bytes: Uint8Array, start: i32, end: i32): boolean {
  return startsAscii(bytes, start, end, SERVICE_KEY_PREFIX);
}

/** Whether `bytes[start, end)` has the whole form of a key that the service made, its checksum included. */
export function hasValidChecksum(bytes: Uint8Array, start: i32, end: i32): boolean {
  if (end - start !== SERVICE_KEY_SIZE || !isServiceKey(bytes, start, end)) return false;
  for (let at = start + SERVICE_KEY_PREFIX.length; at < end; at++) {
    if (!isBase62(bytes[at] as i32)) return false;
  }
  const body = start + BODY_SIZE;
  computeChecksum(bytes, start, body);
  for (let i: i32 = 0; i < CHECKSUM_SIZE; i++) {
    if ((bytes[body + i] as i32) !== (checksum[i] as i32)) return false;
  }
  return true;
}

/** The six characters that close the key whose other 38 stand in `bytes[start, end)`. */
export function keyChecksum(bytes: Uint8Array, start: i32, end: i32): string {
  computeChecksum(bytes, start, end);
  const digits = new Array<string>();
  for (let i: i32 = 0; i < CHECKSUM_SIZE; i++) digits.push(String.fromCharCode(checksum[i] as i32));
  return digits.join("");
}

/** Whether `bytes[start, end)` can be a key at all: 20 to 200 printable ASCII characters, no space. */
export function isPlausibleKey(bytes: Uint8Array, start: i32, end: i32): boolean {
  const size = end - start;
  if (size < SHORTEST_KEY || size > LONGEST_KEY) return false;
  for (let at = start; at < end; at++) {
    const c = bytes[at] as i32;
    if (c < 0x21 || c > 0x7e) return false;
  }
  return true;
}

/** Leaves the checksum of `bytes[start, end)` in `checksum`: a long division in halves, as an i32 holds no u32. */
function computeChecksum(bytes: Uint8Array, start: i32, end: i32): void {
  const word = sha256Word(bytes, start, end);
  let high: i32 = (word >>> 16) & 0xffff;
  let low: i32 = word & 0xffff;
  for (let i: i32 = CHECKSUM_SIZE - 1; i >= 0; i--) {
    const quotient = idiv(high, 62);
    const carried = ((high - quotient * 62) << 16) | low;
    high = quotient;
    low = idiv(carried, 62);
    checksum[i] = BASE62.charCodeAt(carried - low * 62) as u8;
  }
}

function isBase62(c: i32): boolean {
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a);
}
