import type { Note } from "./counters.ts";

/** Later than that nobody waits any more for what a note is about. */
const KEPT_MS = 10_000;
const MAX_HOLDERS = 10_000;
const MAX_NOTES = 1024;

/**
 * Notes that wait for the next poll of their holder. Each instance keeps all of them, because a gateway may poll any; a
 * note that is told twice does no harm.
 */
export class Mailboxes {
  /** By holder: counters and when their note came. */
  readonly #boxes = new Map<string, Map<string, number>>();

  put({ holder, counter }: Note, now: number): void {
    const box = this.#boxes.get(holder) ?? new Map<string, number>();
    this.#boxes.delete(holder);
    this.#boxes.set(holder, box);
    box.set(counter, now);
    dropOldest(box, MAX_NOTES);
    dropOldest(this.#boxes, MAX_HOLDERS);
  }

  isEmpty(holder: string, now: number): boolean {
    return this.#fresh(holder, now).length === 0;
  }

  /** The counters that a holder is to report on; they are forgotten by that. */
  take(holder: string, now: number): string[] {
    const counters = this.#fresh(holder, now);
    this.#boxes.delete(holder);
    return counters;
  }

  #fresh(holder: string, now: number): string[] {
    const box = this.#boxes.get(holder);
    return box === undefined ? [] : [...box].flatMap(([counter, at]) => (at > now - KEPT_MS ? [counter] : []));
  }
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  const oldest = map.keys().next();
  if (map.size > most && !oldest.done) map.delete(oldest.value);
}
