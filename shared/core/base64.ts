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
