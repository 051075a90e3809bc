import { ByteWriter } from "./byte-writer.ts";
import { crc32 } from "./crc32.ts";
import { BAD, Inflate, MORE } from "./inflate.ts";

const HEAD: i32 = 0;
const EXTRA: i32 = 1;
const NAME: i32 = 2;
const COMMENT: i32 = 3;
const HEAD_CHECK: i32 = 4;
const BODY: i32 = 5;
const TRAILER: i32 = 6;
/** A member has ended; what is no further member is padding, which readers pass over (gzip's manual, "trailing garbage"). */
const BETWEEN: i32 = 7;
const PADDING: i32 = 8;

/**
 * Reads a gzip stream (RFC 1952), cut anywhere, of any number of members. What a chunk tells is there at once: a
 * sender that flushes after each event gets each event through. Memory is bounded by `limit` bytes for each chunk.
 */
export class Gunzip {
  /** The bytes are no gzip, or tell of more than `limit`: nothing more is read. */
  broken: boolean = false;
  private readonly inflate: Inflate = new Inflate();
  private state: i32 = HEAD;
  /** Bytes of the field under way that have come, and what they spell, the lowest byte first. */
  private count: i32 = 0;
  private first: i32 = 0;
  private second: i32 = 0;
  private flags: i32 = 0;
  private extra: i32 = 0;
  private crc: i32 = 0;
  private size: i32 = 0;

  /** Whether the stream may end here: after a member, or (an empty answer) before any. */
  get complete(): boolean {
    return this.state === BETWEEN || this.state === PADDING || (this.state === HEAD && this.count === 0);
  }

  /** Appends to `out` what `chunk[0, length)` tells, at most `limit` bytes. */
  push(chunk: Uint8Array, length: i32, limit: i32, out: ByteWriter): void {
    const bound = out.length + limit;
    let at: i32 = 0;
    while (at < length && !this.broken) {
      if (this.state === BODY) {
        const from = out.length;
        const result = this.inflate.push(chunk, at, length, bound, out);
        this.crc = crc32(this.crc, out.bytes, from, out.length);
        this.size = (this.size + (out.length - from)) | 0;
        if (result === BAD) this.broken = true;
        if (result === BAD || result === MORE) return;
        at = result;
        this.enter(TRAILER);
      } else {
        this.byte(chunk[at] as i32);
        at++;
      }
    }
  }

  private enter(state: i32): void {
    this.state = state;
    this.count = 0;
    this.first = 0;
    this.second = 0;
  }

  /** Takes a byte of what lies around the compressed data. */
  private byte(c: i32): void {
    const state = this.state;
    if (state === BETWEEN) {
      if (c === 0x1f) this.enter(HEAD);
      else this.enter(PADDING);
    }
    if (this.state === PADDING) return;
    this.count++;
    if (this.state === HEAD) this.head(c);
    else if (state === EXTRA) {
      if (this.count <= 2) this.extra |= c << ((this.count - 1) << 3);
      if (this.count >= 2 && this.count - 2 >= this.extra) this.after(EXTRA);
    } else if (state === NAME || state === COMMENT) {
      if (c === 0) this.after(state);
    } else if (state === HEAD_CHECK) {
      if (this.count === 2) this.after(HEAD_CHECK);
    } else this.trailer(c);
  }

  private head(c: i32): void {
    const count = this.count;
    if (count === 1 && c !== 0x1f) this.broken = true;
    else if (count === 2 && c !== 0x8b) this.broken = true;
    else if (count === 3 && c !== 8) this.broken = true;
    else if (count === 4) {
      this.flags = c;
      if (c > 31) this.broken = true;
    } else if (count === 10) {
      this.extra = 0;
      this.after(HEAD);
    }
  }

  /** Goes to the next field of the header that the flags tell of. */
  private after(state: i32): void {
    const flags = this.flags;
    if (state < EXTRA && (flags & 4) !== 0) this.enter(EXTRA);
    else if (state < NAME && (flags & 8) !== 0) this.enter(NAME);
    else if (state < COMMENT && (flags & 16) !== 0) this.enter(COMMENT);
    else if (state < HEAD_CHECK && (flags & 2) !== 0) this.enter(HEAD_CHECK);
    else {
      this.enter(BODY);
      this.inflate.restart();
      this.crc = 0;
      this.size = 0;
    }
  }

  private trailer(c: i32): void {
    const shift = ((this.count - 1) & 3) << 3;
    if (this.count <= 4) this.first |= c << shift;
    else this.second |= c << shift;
    if (this.count < 8) return;
    if (this.first !== this.crc || this.second !== this.size) this.broken = true;
    this.enter(BETWEEN);
  }
}
