import type { SequenceRange } from "./sequence-ranges.ts";

/**
 * How long numbers may be missing before they count as lost. Batches may overtake each other, so a gap is nothing
 * unusual at first; but what a gateway has lost must not keep it from ever dropping the records that came after.
 */
export const GAP_PATIENCE_MS = 30_000;

/** A source is forgotten after so many others; its gap then starts anew. */
const MAX_SOURCES = 10_000;

interface Seen {
  readonly from: number;
  readonly since: number;
}

/** Remembers since when the first gap of each source stands. */
export class GapWatch {
  readonly #seen = new Map<string, Seen>();

  /**
   * Looks at a source's first gap.
   *
   * @param now in milliseconds.
   * @returns "new" for one that was not there before, "lost" for one that stood too long, else null.
   */
  observe(source: string, gap: SequenceRange | null, now: number): "new" | "lost" | null {
    if (gap === null) {
      this.#seen.delete(source);
      return null;
    }
    const seen = this.#seen.get(source);
    if (seen?.from !== gap[0]) {
      this.#seen.delete(source);
      this.#seen.set(source, { from: gap[0], since: now });
      const oldest = this.#seen.keys().next();
      if (this.#seen.size > MAX_SOURCES && !oldest.done) this.#seen.delete(oldest.value);
      return "new";
    }
    return now - seen.since >= GAP_PATIENCE_MS ? "lost" : null;
  }
}
