/**
 * Bytes of messages with usage records that may be in this process at once. Parsed and written as a statement, a record
 * takes several times what it had on the wire, so this holds the whole service far below 300 MiB; and what is in it is stored
 * before gateways lose patience (5 s), also where a record takes the database ten times as long as usual.
 */
export const INTAKE_BYTES = 8 * 1024 * 1024;

/** A message without records is never so long, and never waits for those that have some. */
export const SHORT_MESSAGE_BYTES = 64 * 1024;
/** For short messages of which is not known yet whether they have records. */
const RESERVE_BYTES = 4 * 1024 * 1024;

/** A body in chunks, of which no length is told, counts as this much. */
const UNTOLD_BYTES = 1024 * 1024;

/** The room of one message. */
export interface Place {
  /** A message with records must leave again. */
  readonly isReserve: boolean;
  /** To leave twice changes nothing. */
  leave(): void;
}

/** Bounds what gateways may bring at once: beyond that they keep it, and bring it again. */
export class Intake {
  readonly #capacity: number;
  #taken = 0;

  constructor(capacity: number = INTAKE_BYTES) {
    this.#capacity = capacity;
  }

  /**
   * Room for a message; null when there is none. One that is too large for all of it may come when it comes alone.
   *
   * @param length undefined when it is not told.
   */
  enter(length: number | undefined): Place | null {
    const bytes = length ?? UNTOLD_BYTES;
    const room = bytes <= SHORT_MESSAGE_BYTES ? this.#capacity + RESERVE_BYTES : this.#capacity;
    if (this.#taken > 0 && this.#taken + bytes > room) return null;
    this.#taken += bytes;
    let left = false;
    return {
      isReserve: this.#taken > this.#capacity && this.#taken > bytes,
      leave: () => {
        if (left) return;
        left = true;
        this.#taken -= bytes;
      },
    };
  }
}
