import { copyBytes, sliceBytes } from "./bytes.ts";

const HEX: string = "0123456789abcdef";

/** A growing run of bytes. Made once and `clear`ed, it allocates nothing while what it holds stays below its peak. */
export class ByteWriter {
  /** Holds the written bytes in [0, length). */
  bytes: Uint8Array;
  length: i32 = 0;

  constructor(capacity: i32) {
    this.bytes = new Uint8Array(capacity);
  }

  clear(): ByteWriter {
    this.length = 0;
    return this;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return sliceBytes(this.bytes, 0, this.length);
  }

  /** Gives back the memory of a peak above `capacity`. */
  shrink(capacity: i32): void {
    if (this.bytes.length > capacity) this.bytes = new Uint8Array(capacity);
    this.length = 0;
  }

  private room(more: i32): void {
    const wanted = this.length + more;
    let capacity: i32 = this.bytes.length;
    if (wanted <= capacity) return;
    capacity = capacity * 2 > wanted ? capacity * 2 : wanted + 64;
    const grown = new Uint8Array(capacity);
    copyBytes(grown, 0, this.bytes, 0, this.length);
    this.bytes = grown;
  }

  byte(value: i32): ByteWriter {
    this.room(1);
    this.bytes[this.length] = value as u8;
    this.length++;
    return this;
  }

  /** ASCII text as it is. */
  ascii(text: string): ByteWriter {
    const size = text.length;
    this.room(size);
    const bytes = this.bytes;
    const at = this.length;
    for (let i: i32 = 0; i < size; i++) bytes[at + i] = text.charCodeAt(i) as u8;
    this.length = at + size;
    return this;
  }

  copy(source: Uint8Array, start: i32, end: i32): ByteWriter {
    if (start >= end) return this;
    this.room(end - start);
    copyBytes(this.bytes, this.length, source, start, end);
    this.length += end - start;
    return this;
  }

  all(source: Uint8Array): ByteWriter {
    return this.copy(source, 0, source.length);
  }

  writer(source: ByteWriter): ByteWriter {
    return this.copy(source.bytes, 0, source.length);
  }

  /** Any text, in UTF-8; a lone surrogate becomes U+FFFD. */
  text(text: string): ByteWriter {
    const size = text.length;
    this.room(size);
    for (let i: i32 = 0; i < size; i++) {
      const c = text.charCodeAt(i);
      if (c < 0x80) this.put(c);
      else i += this.character(text, i);
    }
    return this;
  }

  /** As `byte`, of what mostly fits into the room already made. */
  private put(value: i32): void {
    if (this.length >= this.bytes.length) this.room(1);
    this.bytes[this.length] = value as u8;
    this.length++;
  }

  /** Any text as a JSON string, quotes included. */
  quoted(text: string): ByteWriter {
    this.byte(0x22);
    this.escaped(text);
    return this.byte(0x22);
  }

  /** Any text as the inside of a JSON string. */
  escaped(text: string): ByteWriter {
    const size = text.length;
    this.room(size);
    for (let i: i32 = 0; i < size; i++) {
      const c = text.charCodeAt(i);
      if (c >= 0x20 && c < 0x80 && c !== 0x22 && c !== 0x5c) this.put(c);
      else if (c === 0x22 || c === 0x5c) this.byte(0x5c).byte(c);
      else if (c === 10) this.ascii("\\n");
      else if (c === 13) this.ascii("\\r");
      else if (c === 9) this.ascii("\\t");
      else if (c < 0x20) {
        this.ascii("\\u00");
        this.byte(HEX.charCodeAt(c >> 4)).byte(HEX.charCodeAt(c & 15));
      } else i += this.character(text, i);
    }
    return this;
  }

  /** Writes the character at `at` and answers how many further units it took (1 for a surrogate pair). */
  private character(text: string, at: i32): i32 {
    const c = text.charCodeAt(at);
    if (c < 0x80) {
      this.byte(c);
      return 0;
    }
    if (c < 0x800) {
      this.byte(0xc0 | (c >> 6)).byte(0x80 | (c & 0x3f));
      return 0;
    }
    if (c >= 0xd800 && c <= 0xdfff) {
      const low: i32 = c <= 0xdbff && at + 1 < text.length ? text.charCodeAt(at + 1) : 0;
      if (low >= 0xdc00 && low <= 0xdfff) {
        const point = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        this.byte(0xf0 | (point >> 18)).byte(0x80 | ((point >> 12) & 0x3f));
        this.byte(0x80 | ((point >> 6) & 0x3f)).byte(0x80 | (point & 0x3f));
        return 1;
      }
      this.byte(0xef).byte(0xbf).byte(0xbd);
      return 0;
    }
    this.byte(0xe0 | (c >> 12))
      .byte(0x80 | ((c >> 6) & 0x3f))
      .byte(0x80 | (c & 0x3f));
    return 0;
  }

  int(value: i32): ByteWriter {
    return this.whole(value as f64);
  }

  /** A whole number up to 2^53, as digits (no target prints an f64 alike, so digits are made here). */
  whole(value: f64): ByteWriter {
    if (value < 0) {
      this.byte(0x2d);
      return this.whole(-value);
    }
    let digits: i32 = 1;
    let power: f64 = 10;
    while (power <= value && digits < 16) {
      power *= 10;
      digits++;
    }
    this.room(digits);
    let rest = value;
    for (let i: i32 = digits - 1; i >= 0; i--) {
      const tenth = Math.floor(rest / 10);
      this.bytes[this.length + i] = (0x30 + ((rest - tenth * 10) as i32)) as u8;
      rest = tenth;
    }
    this.length += digits;
    return this;
  }
}
