const MARK_MS = 1000;

interface Mark {
  sequence: number;
  at: number;
}

/** How many records are not stored yet, and since when. Their numbers follow each other from 1. */
export class Waiting {
  readonly #clock: () => number;
  /** Records and when they came, one for each second. */
  #marks: Mark[] = [];
  /** The number of the last record. */
  last = 0;
  /** Every record up to it is stored. */
  storedUpTo = 0;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  add(sequence: number): void {
    this.last = sequence;
    const at = this.#clock();
    const mark = this.#marks.at(-1);
    if (mark === undefined || at >= mark.at + MARK_MS) this.#marks.push({ sequence, at });
  }

  /** False when that is known. */
  stored(sequence: number): boolean {
    if (sequence <= this.storedUpTo) return false;
    this.storedUpTo = sequence;
    // The mark before the first record that waits is that of its second.
    const next = this.#marks.findIndex((mark) => mark.sequence > sequence + 1);
    if (this.count === 0) this.#marks = [];
    else this.#marks = this.#marks.slice(Math.max((next < 0 ? this.#marks.length : next) - 1, 0));
    return true;
  }

  get count(): number {
    return Math.max(this.last - this.storedUpTo, 0);
  }

  /** How long the oldest has waited, to a second. */
  get oldestSeconds(): number {
    const [mark] = this.#marks;
    return mark === undefined ? 0 : Math.max(this.#clock() - mark.at, 0) / 1000;
  }
}
