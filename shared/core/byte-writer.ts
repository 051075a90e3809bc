import { copyAscii, copyBytes, copyPlain, NO_BYTES, putByte, sliceBytes } from "./bytes.ts";

const HEX: string = "0123456789abcdef";

/** A growing run of bytes. Made once and `clear`ed, it allocates nothing while what it holds stays below its peak. */
export class ByteWriter {
  /** Holds the written bytes in [0, length). */
  bytes: Uint8Array;
  length: i32 = 0;

  constructor(capacity: i32) {
    this.bytes = capacity === 0 ? NO_BYTES : new Uint8Array(capacity);
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
    if (this.bytes.length > capacity) this.bytes = capacity === 0 ? NO_BYTES : new Uint8Array(capacity);
    this.length = 0;
  }

  private room(more: i32): void {
    if (this.length + more > this.bytes.length) this.grow(more);
  }

  private grow(more: i32): void {
    const wanted = this.length + more;
    const doubled: i32 = this.bytes.length * 2;
    const grown = new Uint8Array(doubled > wanted ? doubled : wanted + 64);
    copyBytes(grown, 0, this.bytes, 0, this.length);
    this.bytes = grown;
  }

  byte(value: i32): ByteWriter {
    this.room(1);
    putByte(this.bytes, this.length, value);
    this.length++;
    return this;
  }

  /** A number's four bytes, the lowest first. */
  word(value: i32): ByteWriter {
    this.room(4);
    const at = this.length;
    this.bytes[at] = (value & 255) as u8;
    this.bytes[at + 1] = ((value >> 8) & 255) as u8;
    this.bytes[at + 2] = ((value >> 16) & 255) as u8;
    this.bytes[at + 3] = ((value >> 24) & 255) as u8;
    this.length = at + 4;
    return this;
  }

  /** ASCII text as it is. */
  ascii(text: string): ByteWriter {
    this.room(text.length);
    copyAscii(this.bytes, this.length, text);
    this.length += text.length;
    return this;
  }

  /** The ASCII name of a JSON member, with its quotes and colon, and with a comma before it if there must be one. */
  key(name: string, comma: boolean): ByteWriter {
    const size = name.length;
    this.room(size + 4);
    const bytes = this.bytes;
    let at = this.length;
    if (comma) putByte(bytes, at++, 0x2c);
    putByte(bytes, at++, 0x22);
    copyAscii(bytes, at, name);
    at += size;
    putByte(bytes, at++, 0x22);
    putByte(bytes, at++, 0x3a);
    this.length = at;
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
    let at = this.plain(text, 0);
    while (at < text.length) {
      const c = text.charCodeAt(at);
      if (c < 0x80) this.byte(c);
      else at += this.character(text, at);
      at = this.plain(text, at + 1);
    }
    return this;
  }

  /** Any text as a JSON string, quotes included. */
  quoted(text: string): ByteWriter {
    this.byte(0x22);
    this.escaped(text);
    return this.byte(0x22);
  }

  /** Any text as the inside of a JSON string. */
  escaped(text: string): ByteWriter {
    let at = this.plain(text, 0);
    while (at < text.length) {
      const c = text.charCodeAt(at);
      if (c >= 0x80) at += this.character(text, at);
      else this.escape(c);
      at = this.plain(text, at + 1);
    }
    return this;
  }

  /** Writes what needs no look from `from` on, and answers where that ends. */
  private plain(text: string, from: i32): i32 {
    if (from >= text.length) return from;
    this.room(text.length - from);
    const end = copyPlain(this.bytes, this.length, text, from);
    this.length += end - from;
    return end;
  }

  private escape(c: i32): void {
    if (c === 0x22 || c === 0x5c) this.byte(0x5c).byte(c);
    else if (c === 10) this.ascii("\\n");
    else if (c === 13) this.ascii("\\r");
    else if (c === 9) this.ascii("\\t");
    else if (c >= 0x20) this.byte(c);
    else {
      this.ascii("\\u00");
      this.byte(HEX.charCodeAt(c >> 4)).byte(HEX.charCodeAt(c & 15));
    }
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
    return value >= 0 && value < 10 ? this.byte(0x30 + value) : this.whole(value as f64);
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
      putByte(this.bytes, this.length + i, 0x30 + ((rest - tenth * 10) as i32));
      rest = tenth;
    }
    this.length += digits;
    return this;
  }
}
