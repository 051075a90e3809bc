/** How many bytes the length of a value has that follows its first byte (0xc4 and on), or 0 when it has none. */
const LENGTH_BYTES: Readonly<Record<number, number>> = {
  ...{ 196: 1, 197: 2, 198: 4, 199: 1, 200: 2, 201: 4 },
  ...{ 217: 1, 218: 2, 219: 4, 220: 2, 221: 4, 222: 2, 223: 4 },
};
/** Bytes of numbers and of extensions of a fixed size, after the first one. */
const FIXED_BYTES: Readonly<Record<number, number>> = {
  ...{ 202: 4, 203: 8, 204: 1, 205: 2, 206: 4, 207: 8, 208: 1, 209: 2, 210: 4, 211: 8 },
  ...{ 212: 2, 213: 3, 214: 5, 215: 9, 216: 17 },
};

/**
 * Finds the end of one MessagePack value after another, in pieces however they are cut. Each byte is looked at once: a value
 * need only be read when all of it is there. Throws when a value says that it is longer than any may be, or has more in it.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export class MessageEnd {
  readonly #longest: number;
  readonly #mostValues: number;
  /** Values that the message still has, and those that it has had. */
  #values = 1;
  #begun = 0;
  /** Bytes of a value that are of no interest. */
  #skip = 0;
  /** The first byte of a value whose length is being read, the bytes of it that are to come, and what it is so far. */
  #head = 0;
  #lengthBytes = 0;
  #length = 0;

  /** `longest`: the most bytes of a value; `mostValues`: the most that a message may have, one in another. */
  constructor(longest: number, mostValues: number) {
    this.#longest = longest;
    this.#mostValues = mostValues;
  }

  /** Where the message that is under way ends in `bytes`, looking from `from` on; -1 when it goes on after them. */
  find(bytes: Uint8Array, from: number): number {
    for (let at = from; at < bytes.length; ) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, bytes.length - at);
        this.#skip -= step;
        at += step;
      } else this.#take(bytes[at++] as number);
      if (this.#values > 0 || this.#skip > 0) continue;
      this.#values = 1;
      this.#begun = 0;
      return at;
    }
    return -1;
  }

  #take(byte: number): void {
    if (this.#lengthBytes > 0) {
      this.#length = this.#length * 256 + byte;
      if (--this.#lengthBytes === 0) this.#begin(this.#head, this.#length);
    } else if (byte >= 0xc4 && byte < 0xe0 && LENGTH_BYTES[byte] !== undefined) {
      this.#head = byte;
      this.#lengthBytes = LENGTH_BYTES[byte];
      this.#length = 0;
    } else if (byte >= 0x80 && byte < 0xc0) {
      if (byte < 0x90) this.#begin(0xde, byte & 15);
      else if (byte < 0xa0) this.#begin(0xdc, byte & 15);
      else this.#begin(0xd9, byte & 31);
    } else this.#begin(0xd9, FIXED_BYTES[byte] ?? 0);
  }

  /** A value begins here that has so many bytes, items or members. */
  #begin(head: number, length: number): void {
    if (length > this.#longest) throw new Error("a message that is too long");
    this.#values--;
    this.#begun++;
    if (head === 0xdc || head === 0xdd) this.#values += length;
    else if (head === 0xde || head === 0xdf) this.#values += 2 * length;
    // An extension's type stands before its bytes.
    else this.#skip = head >= 0xc7 && head <= 0xc9 ? length + 1 : length;
    if (this.#begun + this.#values > this.#mostValues) throw new Error("a message of too many values");
  }
}
