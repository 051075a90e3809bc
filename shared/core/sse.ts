import { ByteWriter } from "./byte-writer.ts";
import { copyBytes, equalsAscii, findByte, findLineEnd, NO_BYTES } from "./bytes.ts";

/** An event that grows beyond this many bytes is refused: a bound that a peer cannot grow. */
export const MAX_EVENT: i32 = 16 * 1024 * 1024;

const CR: i32 = 13;
const LF: i32 = 10;

/**
 * Cuts a stream of bytes into server-sent events (WHATWG HTML, section 9.2.6: CR, LF or CRLF ends a line, several
 * `data` lines join by LF, a line that starts with a colon is a comment, a byte order mark may come first). Feed it
 * with `push`, then call `next` until it answers false; after true, the fields tell of the event. Nothing is copied
 * while events arrive whole; only a cut event is kept for the next `push`.
 */
export class SseReader {
  /** What `rawStart`, `rawEnd`, `nameStart` and `nameEnd` lie in; valid until the next `push`. */
  bytes: Uint8Array = NO_BYTES;
  /** The whole event as it came: comments before it, and its blank line. */
  rawStart: i32 = 0;
  rawEnd: i32 = 0;
  /** The event's name; empty when it has none. */
  nameStart: i32 = 0;
  nameEnd: i32 = 0;
  /** What `dataStart` and `dataEnd` lie in. */
  data: Uint8Array = NO_BYTES;
  dataStart: i32 = 0;
  dataEnd: i32 = 0;
  /** False for a block of comments or blank lines only: no event, but bytes that a client may wait for. */
  hasData: boolean = false;
  /** `data` has been replaced: the event's own bytes spell something else. */
  replaced: boolean = false;
  /** The stream ended before the event's blank line. */
  unterminated: boolean = false;
  /** The last `push` began with a byte order mark, which belongs to no event. */
  marked: boolean = false;
  /** An event was longer than MAX_EVENT; nothing more is read. */
  overflow: boolean = false;

  private end: i32 = 0;
  private lineStart: i32 = 0;
  /** No line ends in [lineStart, scanned). */
  private scanned: i32 = 0;
  private last: boolean = false;
  private begun: boolean = false;
  private skipLf: boolean = false;
  private met: boolean = false;
  private readonly kept: ByteWriter = new ByteWriter(0);
  private readonly joined: ByteWriter = new ByteWriter(0);

  /**
   * Takes the next bytes, `chunk[0, length)`. They must stay as they are until `next` has answered false. `last` says
   * that none will follow: an event without its blank line then counts.
   */
  push(chunk: Uint8Array, length: i32, last: boolean): void {
    this.last = last;
    this.marked = false;
    if (this.met) this.forget();
    const rest = this.end - this.rawStart;
    if (this.overflow) return;
    if (rest === 0) {
      this.shift(this.rawStart);
      this.bytes = chunk;
      this.end = length;
    } else {
      this.hold();
      this.kept.copy(chunk, 0, length);
      this.bytes = this.kept.bytes;
      this.end = this.kept.length;
    }
    if (this.data !== this.joined.bytes) this.data = this.bytes;
    if (!this.begun) this.begin();
  }

  /** Brings the unread rest, if any, to the front of `kept`, as the chunk's memory may be used again. */
  private hold(): void {
    const from = this.rawStart;
    const kept = this.kept;
    if (from >= this.end) return;
    if (this.bytes !== kept.bytes) {
      kept.clear().copy(this.bytes, from, this.end);
    } else if (from > 0) {
      copyBytes(kept.bytes, 0, kept.bytes, from, this.end);
      kept.length = this.end - from;
    }
    this.shift(from);
    if (this.data === this.bytes) this.data = kept.bytes;
    this.bytes = kept.bytes;
    this.end = kept.length;
  }

  private shift(by: i32): void {
    this.rawStart -= by;
    this.lineStart -= by;
    this.scanned -= by;
    this.nameStart -= by;
    this.nameEnd -= by;
    if (this.data === this.bytes) {
      this.dataStart -= by;
      this.dataEnd -= by;
    }
  }

  /** A byte order mark may come first. */
  private begin(): void {
    const bytes = this.bytes;
    if (this.end < 3 && !this.last && this.end > 0 && (bytes[0] as i32) === 0xef) return;
    if (this.end === 0) return;
    this.begun = true;
    if (this.end >= 3 && (bytes[0] as i32) === 0xef && (bytes[1] as i32) === 0xbb && (bytes[2] as i32) === 0xbf) {
      this.marked = true;
      this.rawStart = 3;
      this.lineStart = 3;
      this.scanned = 3;
    }
  }

  /** Whether bytes of an event are held that has not ended yet. */
  isHolding(): boolean {
    return (this.met ? this.rawEnd : this.rawStart) < this.end;
  }

  /** Goes to the next event; false when there is none yet. */
  next(): boolean {
    if (this.met) this.forget();
    if (this.overflow) return false;
    if (!this.begun) return this.wait();
    while (true) {
      let lineEnd = findLineEnd(this.bytes, this.scanned, this.end);
      let after = lineEnd + 1;
      if (lineEnd < 0) {
        this.scanned = this.end;
        if (!this.last) return this.wait();
        if (this.lineStart >= this.end) return this.finish();
        lineEnd = this.end;
        after = this.end;
      }
      const start = this.lineStart;
      if (this.skipLf && lineEnd === start && after > lineEnd && (this.bytes[lineEnd] as i32) === LF) {
        // The second half of a CRLF whose CR has ended the line already.
        this.skipLf = false;
        this.lineStart = after;
        this.scanned = after;
        if (start !== this.rawStart) continue;
        // It closes the event before, which has gone on: it follows on its own, and never with an event that is hidden.
        this.meet(after);
        return true;
      }
      this.skipLf = after > lineEnd && (this.bytes[lineEnd] as i32) === CR;
      if (this.skipLf && after < this.end && (this.bytes[after] as i32) === LF) {
        after++;
        this.skipLf = false;
      }
      this.lineStart = after;
      this.scanned = after;
      if (lineEnd === start) {
        this.meet(after);
        return true;
      }
      this.field(start, lineEnd);
    }
  }

  /** Puts `data[0, length)` in the place of the event's data. */
  replaceData(data: Uint8Array, length: i32): void {
    this.data = data;
    this.dataStart = 0;
    this.dataEnd = length;
    this.replaced = true;
  }

  /** There is no event until more bytes come. */
  private wait(): boolean {
    // Only what is kept counts: a chunk of a fast provider may hold many events.
    if (this.end - this.rawStart > MAX_EVENT) this.overflow = true;
    else this.hold();
    return false;
  }

  /** The stream is over: whether it leaves an event without its blank line. */
  private finish(): boolean {
    if (!this.hasData) return false;
    this.unterminated = true;
    this.meet(this.end);
    return true;
  }

  private meet(rawEnd: i32): void {
    this.rawEnd = rawEnd;
    this.met = true;
    if (this.data === this.joined.bytes) this.dataEnd = this.joined.length;
  }

  /** Makes room for the event after the one that was met. */
  private forget(): void {
    this.met = false;
    this.rawStart = this.rawEnd;
    this.nameStart = this.rawEnd;
    this.nameEnd = this.rawEnd;
    this.data = this.bytes;
    this.dataStart = this.rawEnd;
    this.dataEnd = this.rawEnd;
    this.hasData = false;
    this.replaced = false;
  }

  private field(start: i32, end: i32): void {
    const bytes = this.bytes;
    let colon = findByte(bytes, 0x3a, start, end);
    if (colon === start) return;
    if (colon < 0) colon = end;
    let from = colon < end ? colon + 1 : end;
    if (from < end && (bytes[from] as i32) === 0x20) from++;
    if (equalsAscii(bytes, start, colon, "data")) this.line(from, end);
    else if (equalsAscii(bytes, start, colon, "event")) {
      this.nameStart = from;
      this.nameEnd = end;
    } else if (equalsAscii(bytes, start, colon, "error")) {
      // A field of old builds of llama.cpp, which the standard does not know: an event `error` with this data.
      this.nameStart = start;
      this.nameEnd = colon;
      this.line(from, end);
    }
  }

  private line(start: i32, end: i32): void {
    if (!this.hasData) {
      this.hasData = true;
      this.data = this.bytes;
      this.dataStart = start;
      this.dataEnd = end;
      return;
    }
    const joined = this.joined;
    if (this.data === this.bytes) {
      joined.clear().copy(this.bytes, this.dataStart, this.dataEnd);
      this.dataStart = 0;
    }
    joined.byte(LF).copy(this.bytes, start, end);
    this.data = joined.bytes;
    this.dataEnd = joined.length;
  }
}
