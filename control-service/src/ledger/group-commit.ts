interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface GroupCommitParts<Item, Result> {
  /** Does the work of several callers at once; all or none of it is done. One result for each, in their order. */
  readonly work: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** So many at a time. */
  readonly parallel: number;
  readonly sizeOf: (item: Item) => number;
  /** A group is as large as this, or one item. */
  readonly largest: number;
  /** Whether one item may have spoilt the work of the others, so that each is to be done by itself. */
  readonly isSpoilt: (error: unknown) => boolean;
}

/**
 * Many callers' work in few goes. Nothing waits while there is a go to be had; what comes while there is none is done
 * together in the next one, so the busier it gets the less each costs.
 */
export class GroupCommit<Item, Result> {
  readonly #parts: GroupCommitParts<Item, Result>;
  #waiting: Waiting<Item, Result>[] = [];
  #running = 0;

  constructor(parts: GroupCommitParts<Item, Result>) {
    this.#parts = parts;
  }

  /** Resolves once the item's work is done. */
  async do(item: Item): Promise<Result> {
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#running < this.#parts.parallel) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running++;
    while (this.#waiting.length > 0) await this.#go(this.#take());
    this.#running--;
  }

  #take(): Waiting<Item, Result>[] {
    const { sizeOf, largest } = this.#parts;
    let size = 0;
    const end = this.#waiting.findIndex(({ item }, index) => {
      size += sizeOf(item);
      return index > 0 && size > largest;
    });
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
  }

  async #go(group: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#parts.work(group.map(({ item }) => item));
      for (const [index, { resolve }] of group.entries()) resolve(results[index] as Result);
    } catch (error) {
      if (group.length === 1 || !this.#parts.isSpoilt(error)) {
        for (const { reject } of group) reject(error);
        return;
      }
      for (const one of group) await this.#go([one]);
    }
  }
}
