import { randomBytes } from "node:crypto";

/** The header that carries a ticket from Kong to the relay; what a client sends under this name is put aside by Kong. */
export const TICKET_HEADER = "x-oneapi-ticket";

/** Kong asks the plugin first and reads the client's body then: so long an upload may take. */
const LIFETIME_MS = 300_000;
const MOST_OPEN = 100_000;

/** What the plugin's configuration wants of the relay. */
export interface Wishes {
  /** Answers name who served. */
  modelHeader: boolean;
}

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

  issue(now: number, wishes: Wishes = { modelHeader: false }): string {
    this.#forget(now);
    const ticket = randomBytes(16).toString("hex");
    this.#open.set(ticket, { until: now + LIFETIME_MS, wishes });
    return ticket;
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
