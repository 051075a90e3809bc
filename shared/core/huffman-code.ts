/** A canonical Huffman code (RFC 1951, section 3.2.2), decoded bit by bit: small, and built in one walk over its lengths. */
export class HuffmanCode {
  /** How many symbols have a code of each width. */
  private readonly counts: Int32Array = new Int32Array(16);
  private readonly offsets: Int32Array = new Int32Array(16);
  /** In the order of their codes. */
  private readonly symbols: Int32Array;
  private code: i32 = 0;
  private first: i32 = 0;
  private index: i32 = 0;

  constructor(size: i32) {
    this.symbols = new Int32Array(size);
  }

  /** Makes the code whose symbols 0, 1, … have codes of `widths[start, end)` bits (0: none); false if there is none such. */
  build(widths: Uint8Array, start: i32, end: i32): boolean {
    const counts = this.counts;
    const offsets = this.offsets;
    counts.fill(0);
    for (let i = start; i < end; i++) {
      const width = widths[i] as i32;
      counts[width] = (counts[width] as i32) + 1;
    }
    const used = end - start - (counts[0] as i32);
    let left: i32 = 1;
    let offset: i32 = 0;
    for (let width: i32 = 1; width <= 15; width++) {
      left = (left << 1) - (counts[width] as i32);
      if (left < 0) return false;
      offsets[width] = offset;
      offset += counts[width] as i32;
    }
    for (let i = start; i < end; i++) {
      const width = widths[i] as i32;
      if (width === 0) continue;
      this.symbols[offsets[width] as i32] = i - start;
      offsets[width] = (offsets[width] as i32) + 1;
    }
    // A code may leave room only if it has one symbol, or none.
    return left === 0 || used <= 1;
  }

  /** Before the first bit of a symbol. */
  begin(): void {
    this.code = 0;
    this.first = 0;
    this.index = 0;
  }

  /** Takes the symbol's next bit, its `width`th: the symbol if that was the last, else -1. */
  step(bit: i32, width: i32): i32 {
    const count = this.counts[width] as i32;
    const code = this.code | bit;
    const place = code - this.first;
    if (place < count) return this.symbols[this.index + place] as i32;
    this.index += count;
    this.first = (this.first + count) << 1;
    this.code = code << 1;
    return -1;
  }
}
