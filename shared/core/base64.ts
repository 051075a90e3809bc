import { ByteWriter } from "./byte-writer.ts";

/** The letters of base64 for URLs (RFC 4648, section 5). */
const URL_LETTERS: string = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** `bytes` in base64 for URLs, without padding. */
export function base64Url(bytes: Uint8Array): string {
  const pieces = new Array<string>();
  for (let at: i32 = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const second: i32 = left > 1 ? (bytes[at + 1] as i32) : 0;
    const third: i32 = left > 2 ? (bytes[at + 2] as i32) : 0;
    const bits = ((bytes[at] as i32) << 16) | (second << 8) | third;
    pieces.push(URL_LETTERS.charAt(bits >> 18));
    pieces.push(URL_LETTERS.charAt((bits >> 12) & 63));
    if (left > 1) pieces.push(URL_LETTERS.charAt((bits >> 6) & 63));
    if (left > 2) pieces.push(URL_LETTERS.charAt(bits & 63));
  }
  return pieces.join("");
}

const ALPHABET: string = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD: i32 = 0x3d;

/** Writes `bytes[0, length)` in base64 (RFC 4648, section 4). */
export function writeBase64(bytes: Uint8Array, length: i32, out: ByteWriter): void {
  for (let i: i32 = 0; i < length; i += 3) {
    const rest = length - i;
    const first = bytes[i] as i32;
    const second: i32 = rest > 1 ? (bytes[i + 1] as i32) : 0;
    const third: i32 = rest > 2 ? (bytes[i + 2] as i32) : 0;
    out.byte(ALPHABET.charCodeAt(first >> 2)).byte(ALPHABET.charCodeAt(((first & 3) << 4) | (second >> 4)));
    out.byte(rest > 1 ? ALPHABET.charCodeAt(((second & 15) << 2) | (third >> 6)) : PAD);
    out.byte(rest > 2 ? ALPHABET.charCodeAt(third & 63) : PAD);
  }
}
