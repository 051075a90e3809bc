const table: Int32Array = new Int32Array(256);
let filled: boolean = false;

function fill(): void {
  filled = true;
  for (let i: i32 = 0; i < 256; i++) {
    let value: i32 = i;
    for (let bit: i32 = 0; bit < 8; bit++) {
      value = (value & 1) !== 0 ? ((value >> 1) & 0x7fffffff) ^ -306674912 : (value >> 1) & 0x7fffffff;
    }
    table[i] = value;
  }
}

/** The CRC-32 of gzip (RFC 1952, section 8) over `bytes[start, end)`, going on from `crc`, which is 0 at first. */
export function crc32(crc: i32, bytes: Uint8Array, start: i32, end: i32): i32 {
  if (!filled) fill();
  let value: i32 = ~crc;
  for (let at = start; at < end; at++) {
    value = (table[(value ^ (bytes[at] as i32)) & 255] as i32) ^ ((value >> 8) & 0x00ffffff);
  }
  return ~value;
}
