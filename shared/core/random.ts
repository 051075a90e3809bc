const HEX: string = "0123456789abcdef";

/**
 * Numbers for choices and for ids, from a seed that the host draws (Marsaglia, "Xorshift RNGs", 2003: 13, 17, 5). Its
 * whole state is 32 bits and shows in its output, so it is for what nobody gains by guessing, never for secrets.
 */
export class Random {
  private state: i32;

  /** Any seed; 0, from which xorshift never leaves, stands for another fixed one. */
  constructor(seed: i32) {
    this.state = seed === 0 ? 0x2545f491 : seed;
  }

  /** The next of all 2³² - 1 values but 0, each once a round. */
  next(): i32 {
    let state = this.state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.state = state;
    return state;
  }

  /** A whole number in [0, n), all equally likely; 0 when `n` is below 2. */
  below(n: i32): i32 {
    if (n < 2) return 0;
    while (true) {
      const value: i32 = this.next() >>> 1;
      const rest = value % n;
      // The last, incomplete run of n values would favour the small ones.
      if (value - rest <= 0x7fffffff - (n - 1)) return rest;
    }
  }

  /** `count` bytes as lower-case hex. */
  hex(count: i32): string {
    const digits = new Array<string>();
    let bits: i32 = 0;
    for (let i: i32 = 0; i < count; i++) {
      if ((i & 3) === 0) bits = this.next();
      digits.push(HEX.charAt((bits >>> 28) & 15));
      digits.push(HEX.charAt((bits >>> 24) & 15));
      bits <<= 8;
    }
    return digits.join("");
  }
}
