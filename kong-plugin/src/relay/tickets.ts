import { randomFillSync } from "node:crypto";

/** The header that carries a ticket from Kong to the relay; what a client sends under this name is put aside by Kong. */
export const TICKET_HEADER = "x-oneapi-ticket";

/** Kong asks the plugin first and reads the client's body then: so long an upload may take. */
const LIFETIME_MS = 300_000;
const MOST_OPEN = 100_000;
const TICKET_BYTES = 16;

/** What the plugin's configuration wants of the relay. */
export interface Wishes {
  /** The call is served under this key, whatever the client sends; null: under the client's own. */
  key: string | null;
  /** Answers name who served. */
  modelHeader: boolean;
  /** Answers tell what they used. */
  usageHeaders: boolean;
}

const NO_WISHES: Wishes = { key: null, modelHeader: false, usageHeaders: false };

interface Ticket {
  until: number;
  wishes: Wishes;
}

/**
 * One-time tickets: the plugin gives one to each request that it lets through, and the relay serves nobody without. Kong
 * goes on without a plugin that fails, and the relay is where that ends.
 */
export class Tickets {
  /** The oldest first. */
  readonly #open = new Map<string, Ticket>();
  /** Random bytes for many tickets: to ask for those of one costs as much. */
  readonly #random = Buffer.alloc(256 * TICKET_BYTES);
  #used = this.#random.length;

  issue(now: number, wishes: Wishes = NO_WISHES): string {
    this.#forget(now);
    const ticket = this.#next();
    this.#open.set(ticket, { until: now + LIFETIME_MS, wishes });
    return ticket;
  }

  #next(): string {
    if (this.#used === this.#random.length) {
      randomFillSync(this.#random);
      this.#used = 0;
    }
    this.#used += TICKET_BYTES;
    return this.#random.toString("hex", this.#used - TICKET_BYTES, this.#used);
  }

  /** What was wished for with the ticket, which is good no more; null when it was not good. */
  redeem(ticket: string, now: number): Wishes | null {
    const found = this.#open.get(ticket);
    this.#open.delete(ticket);
    return found !== undefined && now < found.until ? found.wishes : null;
  }

  #forget(now: number): void {
    for (const [ticket, { until }] of this.#open) {
      if (now < until && this.#open.size < MOST_OPEN) return;
      this.#open.delete(ticket);
    }
  }
}
