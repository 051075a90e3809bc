import { ByteWriter } from "./byte-writer.ts";
import { asciiText, NO_BYTES, skipAscii } from "./bytes.ts";

/**
 * The text that `bytes[start, end)` spells in UTF-8. What is not UTF-8 becomes U+FFFD, one for each maximal wrong part
 * (WHATWG Encoding Standard), the same on both targets.
 */
export function decodeUtf8(bytes: Uint8Array, start: i32, end: i32): string {
  let at = skipAscii(bytes, start, end);
  if (at === end) return asciiText(bytes, start, end);
  const pieces = new Array<string>();
  if (at > start) pieces.push(asciiText(bytes, start, at));
  while (at < end) {
    const lead = bytes[at] as i32;
    at++;
    if (lead < 0x80) {
      pieces.push(String.fromCharCode(lead));
      continue;
    }
    let more: i32 = 0;
    let low: i32 = 0x80;
    let high: i32 = 0xbf;
    let point: i32 = 0;
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1;
      point = lead & 0x1f;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      point = lead & 0x0f;
      if (lead === 0xe0) low = 0xa0;
      if (lead === 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      point = lead & 0x07;
      if (lead === 0xf0) low = 0x90;
      if (lead === 0xf4) high = 0x8f;
    } else {
      pieces.push("\ufffd");
      continue;
    }
    while (more > 0 && at < end) {
      const next = bytes[at] as i32;
      if (next < low || next > high) break;
      low = 0x80;
      high = 0xbf;
      point = (point << 6) | (next & 0x3f);
      more--;
      at++;
    }
    if (more > 0) pieces.push("\ufffd");
    else if (point < 0x10000) pieces.push(String.fromCharCode(point));
    else {
      const offset = point - 0x10000;
      pieces.push(String.fromCharCode(0xd800 + (offset >> 10)) + String.fromCharCode(0xdc00 + (offset & 0x3ff)));
    }
  }
  return pieces.join("");
}

/** `text` in UTF-8; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  if (text.length === 0) return NO_BYTES;
  const out = new ByteWriter(text.length + 16);
  out.text(text);
  return out.take();
}

/** The text, cut after `most` units: for names that a client makes as long as it likes. */
export function shorten(text: string, most: i32): string {
  return text.length > most ? text.substring(0, most) + "…" : text;
}
