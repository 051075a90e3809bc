import { ByteWriter } from "./byte-writer.ts";
import { copyBytes } from "./bytes.ts";
import { HuffmanCode } from "./huffman-code.ts";

/** All bytes were taken, and the data goes on. */
export const MORE: i32 = -1;
/** The bytes are no deflate data, or tell of more than the bound. */
export const BAD: i32 = -2;

const WINDOW: i32 = 32 * 1024;
/** More than a block's header takes; what is kept of a chunk is never longer. */
const LONGEST_STEP: i32 = 512;

const BLOCK: i32 = 0;
const STORED: i32 = 1;
const CODES: i32 = 2;
const DONE: i32 = 3;

/** By symbol less 257. */
const LENGTH_BASE: Array<i32> = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_BITS: Array<i32> = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE: Array<i32> = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
/** In what order a block tells the lengths of the code for code lengths. */
const LENGTH_ORDER: Array<i32> = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/**
 * Reads raw deflate data (RFC 1951), cut anywhere. Each step (a block's header, a symbol) either finds all its bits or
 * is taken back and kept for the next chunk, so every byte that can be told is told at once.
 */
export class Inflate {
  private state: i32 = BLOCK;
  private lastBlock: boolean = false;
  private stored: i32 = 0;
  /** What lies before the bytes that a match may refer to, in `window[0, windowLength)`, the newest last. */
  private readonly window: Uint8Array = new Uint8Array(WINDOW);
  private windowLength: i32 = 0;
  /** Bytes of a step that was not whole. */
  private readonly kept: ByteWriter = new ByteWriter(0);
  private input: Uint8Array = this.window;
  private at: i32 = 0;
  private end: i32 = 0;
  private bitBuffer: i32 = 0;
  private bitCount: i32 = 0;
  /** A step needed more bits than there are. */
  private short: boolean = false;
  private readonly literals: HuffmanCode = new HuffmanCode(288);
  private readonly distances: HuffmanCode = new HuffmanCode(32);
  private readonly lengths: Uint8Array = new Uint8Array(320);
  /** Where in `out` the bytes of this push begin. */
  private base: i32 = 0;

  /** Makes it ready for data of its own. */
  restart(): void {
    this.state = BLOCK;
    this.lastBlock = false;
    this.windowLength = 0;
    this.kept.clear();
    this.bitBuffer = 0;
    this.bitCount = 0;
  }

  /**
   * Appends to `out` what `chunk[start, end)` tells, up to a length of `bound`. Answers where in the chunk the data
   * ended, MORE or BAD.
   */
  push(chunk: Uint8Array, start: i32, end: i32, bound: i32, out: ByteWriter): i32 {
    this.base = out.length;
    const kept = this.kept;
    const before = kept.length;
    if (before > 0) {
      // A step is finished with the fewest bytes that it can be, lest the whole chunk be copied.
      const taken = end - start < LONGEST_STEP ? end - start : LONGEST_STEP;
      kept.copy(chunk, start, start + taken);
      this.read(kept.bytes, 0, kept.length);
      if (!this.run(bound, out, before)) return BAD;
      const reached = start + (this.at - before);
      if (this.state !== DONE && this.at < before) {
        // Not even what was kept is used up.
        copyBytes(kept.bytes, 0, kept.bytes, this.at, kept.length);
        kept.length -= this.at;
        return this.close(out, MORE);
      }
      kept.clear();
      this.read(chunk, reached, end);
    } else this.read(chunk, start, end);
    if (this.state !== DONE && !this.run(bound, out, end)) return BAD;
    // Bytes are taken only when their bits are needed, so no whole one is left over.
    if (this.state === DONE) return this.close(out, this.at);
    kept.copy(chunk, this.at, end);
    return this.close(out, MORE);
  }

  private read(bytes: Uint8Array, at: i32, end: i32): void {
    this.input = bytes;
    this.at = at;
    this.end = end;
  }

  /** Remembers the newest bytes for matches to come. */
  private close(out: ByteWriter, answer: i32): i32 {
    const window = this.window;
    const fresh = out.length - this.base;
    if (fresh >= WINDOW) {
      copyBytes(window, 0, out.bytes, out.length - WINDOW, out.length);
      this.windowLength = WINDOW;
    } else if (fresh > 0) {
      const stay = this.windowLength < WINDOW - fresh ? this.windowLength : WINDOW - fresh;
      if (stay < this.windowLength) copyBytes(window, 0, window, this.windowLength - stay, this.windowLength);
      copyBytes(window, stay, out.bytes, this.base, out.length);
      this.windowLength = stay + fresh;
    }
    this.input = window;
    return answer;
  }

  /** Takes steps until bits run short, the data ends, or (once no step is under way) `until` is reached; false for BAD. */
  private run(bound: i32, out: ByteWriter, until: i32): boolean {
    while (this.state !== DONE && !(this.input === this.kept.bytes && this.at >= until)) {
      const at = this.at;
      const bitBuffer = this.bitBuffer;
      const bitCount = this.bitCount;
      this.short = false;
      let good = true;
      if (this.state === BLOCK) good = this.block();
      else if (this.state === STORED) this.copyStored(out);
      else good = this.symbol(out);
      if (this.short) {
        this.at = at;
        this.bitBuffer = bitBuffer;
        this.bitCount = bitCount;
        return true;
      }
      if (!good || out.length > bound) return false;
    }
    return true;
  }

  /** The next `count` bits, the lowest first; `short` when they are not all there. */
  private bits(count: i32): i32 {
    while (this.bitCount < count) {
      if (this.at >= this.end) {
        this.short = true;
        return 0;
      }
      this.bitBuffer |= (this.input[this.at] as i32) << this.bitCount;
      this.at++;
      this.bitCount += 8;
    }
    const value = this.bitBuffer & ((1 << count) - 1);
    this.bitBuffer >>= count;
    this.bitCount -= count;
    return value;
  }

  /** The next symbol of a code; -1 when the bits are none (or `short`). */
  private decode(code: HuffmanCode): i32 {
    code.begin();
    for (let width: i32 = 1; width <= 15; width++) {
      const bit = this.bits(1);
      if (this.short) return -1;
      const symbol = code.step(bit, width);
      if (symbol >= 0) return symbol;
    }
    return -1;
  }

  /** Reads a block's header. */
  private block(): boolean {
    if (this.lastBlock) {
      this.state = DONE;
      return true;
    }
    const last = this.bits(1) === 1;
    const type = this.bits(2);
    if (this.short) return true;
    if (type === 0) {
      this.bits(this.bitCount & 7);
      const size = this.bits(16);
      const check = this.bits(16);
      if (this.short) return true;
      if (size !== (~check & 0xffff)) return false;
      this.stored = size;
      this.state = STORED;
    } else if (type === 1) {
      this.fixedCodes();
      this.state = CODES;
    } else if (type === 2) {
      if (!this.readCodes()) return false;
      if (this.short) return true;
      this.state = CODES;
    } else return false;
    this.lastBlock = last;
    return true;
  }

  private fixedCodes(): void {
    const lengths = this.lengths;
    for (let i: i32 = 0; i < 288; i++) lengths[i] = (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8) as u8;
    this.literals.build(lengths, 0, 288);
    for (let i: i32 = 0; i < 30; i++) lengths[i] = 5;
    this.distances.build(lengths, 0, 30);
  }

  /** Reads the codes that a block brings along. */
  private readCodes(): boolean {
    const literalCount = this.bits(5) + 257;
    const distanceCount = this.bits(5) + 1;
    const lengthCount = this.bits(4) + 4;
    if (this.short) return true;
    if (literalCount > 286 || distanceCount > 30) return false;
    const lengths = this.lengths;
    for (let i: i32 = 0; i < 19; i++) {
      const index = LENGTH_ORDER[i] as i32;
      lengths[index] = (i < lengthCount ? this.bits(3) : 0) as u8;
    }
    if (this.short) return true;
    // The code of the lengths is needed no longer than until the others are built.
    if (!this.literals.build(lengths, 0, 19)) return false;
    const total = literalCount + distanceCount;
    let index: i32 = 0;
    let previous: i32 = 0;
    while (index < total) {
      let symbol = this.decode(this.literals);
      if (this.short) return true;
      if (symbol < 0) return false;
      let times: i32 = 1;
      if (symbol === 16) {
        if (index === 0) return false;
        symbol = previous;
        times = 3 + this.bits(2);
      } else if (symbol === 17) {
        symbol = 0;
        times = 3 + this.bits(3);
      } else if (symbol === 18) {
        symbol = 0;
        times = 11 + this.bits(7);
      }
      if (this.short) return true;
      if (index + times > total) return false;
      previous = symbol;
      for (; times > 0; times--) lengths[index++] = symbol as u8;
    }
    // Without an end a block would never end.
    if ((lengths[256] as i32) === 0) return false;
    return this.literals.build(lengths, 0, literalCount) && this.distances.build(lengths, literalCount, total);
  }

  private copyStored(out: ByteWriter): void {
    const there = this.end - this.at;
    const take = this.stored < there ? this.stored : there;
    out.copy(this.input, this.at, this.at + take);
    this.at += take;
    this.stored -= take;
    if (this.stored === 0) this.state = BLOCK;
    else if (take === 0) this.short = true;
  }

  /** Reads a literal, a match or a block's end. */
  private symbol(out: ByteWriter): boolean {
    const symbol = this.decode(this.literals);
    if (this.short) return true;
    if (symbol < 0 || symbol > 285) return false;
    if (symbol < 256) {
      out.byte(symbol);
      return true;
    }
    if (symbol === 256) {
      this.state = BLOCK;
      return true;
    }
    const length = (LENGTH_BASE[symbol - 257] as i32) + this.bits(LENGTH_BITS[symbol - 257] as i32);
    const place = this.decode(this.distances);
    if (this.short) return true;
    if (place < 0 || place > 29) return false;
    const distance = (DISTANCE_BASE[place] as i32) + this.bits(place < 4 ? 0 : (place >> 1) - 1);
    if (this.short) return true;
    return this.match(length, distance, out);
  }

  /** Repeats `length` bytes from `distance` back, which may reach into what it writes. */
  private match(length: i32, distance: i32, out: ByteWriter): boolean {
    if (distance > out.length - this.base + this.windowLength) return false;
    for (let i: i32 = 0; i < length; i++) {
      const from = out.length - distance;
      out.byte(
        from >= this.base ? (out.bytes[from] as i32) : (this.window[this.windowLength - (this.base - from)] as i32),
      );
    }
    return true;
  }
}
