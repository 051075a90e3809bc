import { randomBytes } from "node:crypto";

/** The header that carries a ticket from Kong to the relay; what a client sends under this name is put aside by Kong. */
export const TICKET_HEADER = "x-oneapi-ticket";

/** Kong asks the plugin first and reads the client's body then: so long an upload may take. */
const LIFETIME_MS = 300_000;
const MOST_OPEN = 100_000;

/**
 * One-time tickets: the plugin gives one to each request that it lets through, and the relay serves nobody without. Kong
 * goes on without a plugin that fails, and the relay is where that ends.
 */
export class Tickets {
  /** Until when each is good, the oldest first. */
  readonly #open = new Map<string, number>();

  issue(now: number): string {
    this.#forget(now);
    const ticket = randomBytes(16).toString("hex");
    this.#open.set(ticket, now + LIFETIME_MS);
    return ticket;
  }

  /** Whether the ticket is good; it is not again. */
  redeem(ticket: string, now: number): boolean {
    const until = this.#open.get(ticket);
    return this.#open.delete(ticket) && until !== undefined && now < until;
  }

  #forget(now: number): void {
    for (const [ticket, until] of this.#open) {
      if (now < until && this.#open.size < MOST_OPEN) return;
      this.#open.delete(ticket);
    }
  }
}
