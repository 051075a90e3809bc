import { ByteWriter } from "./byte-writer.ts";
import { sha256 } from "./sha256.ts";

const BLOCK: i32 = 64;
const INNER_PAD: i32 = 0x36;
const OUTER_PAD: i32 = 0x5c;

/** The HMAC-SHA256 (RFC 2104) of `message` under `key`: 32 bytes. */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  const short: Uint8Array = key.length > BLOCK ? sha256(key, 0, key.length) : key;
  return hashAfterPad(short, OUTER_PAD, hashAfterPad(short, INNER_PAD, message));
}

function hashAfterPad(key: Uint8Array, pad: i32, text: Uint8Array): Uint8Array {
  const out = new ByteWriter(BLOCK + text.length);
  for (let i: i32 = 0; i < BLOCK; i++) out.byte(i < key.length ? (key[i] as i32) ^ pad : pad);
  out.all(text);
  return sha256(out.bytes, 0, out.length);
}
