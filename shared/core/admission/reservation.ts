import { Lease } from "./lease.ts";
import { Leases } from "./leases.ts";
import { Limit, REQUESTS, SPEND, TOKENS } from "./limit.ts";

/** One limit's part of a reservation. */
export class Share {
  readonly limit: Limit;
  readonly lease: Lease;
  readonly amount: f64;
  /** With less than `amount` it may begin all the same, when no more is to be had. */
  readonly least: f64;
  /** What it took. */
  taken: f64 = 0;
  /** The window that it was taken in. */
  start: f64 = 0;
  settled: boolean = false;

  constructor(limit: Limit, lease: Lease, amount: f64, least: f64) {
    this.limit = limit;
    this.lease = lease;
    this.amount = amount;
    this.least = least;
  }
}

const WAITING: i32 = 0;
const TAKEN: i32 = 1;
const OVER: i32 = 2;

/**
 * What an operation takes of every limit that binds it: of all or of none. It waits while it cannot, and its shares are
 * then kept for it from later ones; in the end each share is settled to what was really used.
 */
export class Reservation {
  readonly shares: Array<Share> = new Array<Share>();
  /** From here on they are of the provider that is tried, before of key, user, project and model. */
  providerFrom: i32 = 0;
  /** The first message that tells of the wait, and when the wait ends; 0 while it has not begun. */
  message: f64 = 0;
  until: f64 = 0;
  private state: i32 = WAITING;

  add(limit: Limit, leases: Leases, amount: f64, least: f64): void {
    this.shares.push(new Share(limit, leases.of(limit), amount, least));
  }

  isWaiting(): boolean {
    return this.until > 0 && this.state === WAITING;
  }

  isTaken(): boolean {
    return this.state === TAKEN;
  }

  /**
   * The first share that cannot be had now, or null. `time` is the control service's; `own`: idle units may be used;
   * `sparing`: shares that may be smaller are.
   */
  lacking(time: f64, own: boolean, sparing: boolean): Share | null {
    const waits = this.isWaiting();
    for (let i: i32 = 0; i < this.shares.length; i++) {
      const share = this.shares[i]!;
      const lease = share.lease;
      lease.turn(time);
      if (lease.absent || share.amount === 0) continue;
      // Who waits already is not overtaken.
      const others = waits ? 0 : lease.need;
      const wanted: f64 = sparing ? share.least : share.amount;
      if (!own || lease.idle() - others < wanted) return share;
    }
    return null;
  }

  /** Takes all shares, of those that may be smaller what is idle: whether they may be taken is not asked here. */
  take(time: f64): void {
    this.leave();
    this.state = TAKEN;
    for (let i: i32 = 0; i < this.shares.length; i++) {
      const share = this.shares[i]!;
      share.lease.turn(time);
      share.start = share.lease.start;
      share.taken = share.amount;
      const idle = share.lease.idle();
      if (share.least < share.amount && idle < share.amount) share.taken = idle > share.least ? idle : share.least;
      share.lease.reserve(share.taken, time);
    }
  }

  /** Begins to wait: the next message asks for all shares. */
  wait(leases: Leases, until: f64): void {
    this.until = until;
    this.message = leases.nextMessage();
    for (let i: i32 = 0; i < this.shares.length; i++) {
      const lease = this.shares[i]!.lease;
      lease.need += this.shares[i]!.amount;
      lease.mark();
    }
    leases.urgent = true;
  }

  /** Asks once more, as nothing was heard for a while. */
  ask(leases: Leases): void {
    for (let i: i32 = 0; i < this.shares.length; i++) this.shares[i]!.lease.mark();
    leases.urgent = true;
  }

  /** Waits no longer. */
  private leave(): void {
    if (!this.isWaiting()) return;
    for (let i: i32 = 0; i < this.shares.length; i++) {
      const lease = this.shares[i]!.lease;
      lease.need -= this.shares[i]!.amount;
      lease.mark();
    }
  }

  /** Gives up waiting. To be told twice, or after it was taken, changes nothing. */
  abandon(): void {
    this.leave();
    if (this.state === WAITING) this.state = OVER;
  }

  /** Settles the shares from `from` on: of each metric (by its constant) so much was used. Twice changes nothing. */
  settle(from: i32, requests: f64, tokens: f64, spend: f64): void {
    if (this.state !== TAKEN) return;
    for (let i: i32 = from; i < this.shares.length; i++) {
      const share = this.shares[i]!;
      if (share.settled) continue;
      share.settled = true;
      share.lease.settle(share.start, share.taken, usedOf(share.limit.metric, requests, tokens, spend));
    }
  }
}

/** Slots of CONCURRENCY are used by nobody afterwards. */
function usedOf(metric: i32, requests: f64, tokens: f64, spend: f64): f64 {
  if (metric === REQUESTS) return requests;
  if (metric === TOKENS) return tokens;
  return metric === SPEND ? spend : 0;
}
