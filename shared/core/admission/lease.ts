import { JsonWriter } from "../json-writer.ts";
import { NO_WINDOW, windowEnd, windowStart } from "./window.ts";

/** What is used in about so many milliseconds is held ready: two reports' time. */
const HEADROOM_MS: f64 = 500;
const NEVER: f64 = 9007199254740991;
/** How long idle units are kept that nobody uses, in milliseconds. */
const IDLE_MS: f64 = 2000;

/**
 * What this gateway holds of one limit's counter, in the metric's unit: it may spend and reserve as much as it was
 * granted, without asking. All numbers are of the present window and start anew with the next.
 */
export class Lease {
  readonly id: string;
  readonly window: i32;
  /** When the present window began; 0 for none. */
  start: f64 = 0;
  /** When it ends; a lease begins with a window that is over, so that the first look finds the present one. */
  end: f64 = 0;
  /** All that this gateway may have spent or reserved in the window. */
  granted: f64 = 0;
  /** Settled. */
  spent: f64 = 0;
  /** By operations under way. */
  reserved: f64 = 0;
  /** Units that operations wait for. */
  need: f64 = 0;
  /** What is left of the limit beyond all grants, as the control service said last; -1 when it has not. */
  left: f64 = -1;
  /** Little is left of the limit: nothing is held that is not needed now. */
  edge: boolean = false;
  /** The message after whose answer nothing more can be had: whoever waited by then is refused. */
  finalAt: f64 = -1;
  /** Until when, once nothing more could be had, nobody asks again. */
  restsUntil: f64 = 0;
  /** The control service knows no such limit (any more): it does not bind. */
  absent: boolean = false;
  /** The lease was let go of: a later limit of the same id gets another. */
  dropped: boolean = false;
  /** Leases of which there is something to say. */
  private readonly changed: Array<Lease>;
  private isChanged: boolean = false;
  /** Since the last report. */
  private used: f64 = 0;
  private usedAt: f64 = 0;
  private reportedAt: f64 = 0;
  /** Units that are used in HEADROOM_MS, lately. */
  private recent: f64 = 0;

  constructor(id: string, window: i32, changed: Array<Lease>) {
    this.id = id;
    this.window = window;
    this.changed = changed;
    if (window === NO_WINDOW) this.end = NEVER;
  }

  /** There is something to say of this lease with the next message. */
  mark(): void {
    if (this.isChanged) return;
    this.isChanged = true;
    this.changed.push(this);
  }

  idle(): f64 {
    return this.granted - this.spent - this.reserved;
  }

  /** Starts anew when the window is over; `time` is the control service's. */
  turn(time: f64): void {
    if (time < this.end) return;
    this.start = windowStart(this.window, time);
    this.end = windowEnd(this.window, this.start);
    this.granted = 0;
    this.spent = 0;
    this.reserved = 0;
    this.left = -1;
    this.edge = false;
    this.finalAt = -1;
    this.restsUntil = 0;
    if (this.need > 0) this.mark();
  }

  /** Takes `amount` for an operation; it must be idle. */
  reserve(amount: f64, time: f64): void {
    this.reserved += amount;
    this.used += amount;
    this.usedAt = time;
    this.mark();
  }

  /** The operation used `amount` of the `reserved` that it took in the window from `start` on. */
  settle(start: f64, reserved: f64, amount: f64): void {
    if (start !== this.start) return;
    this.reserved -= reserved;
    this.spent += amount;
    this.mark();
  }

  /** Whether idle units have been of no use for a while. */
  isStale(time: f64): boolean {
    return this.idle() > 0 && this.need === 0 && time - this.usedAt > IDLE_MS;
  }

  /** Nothing is held, wanted, under way or to be told, and nothing was spent that must not be told as 0 again. */
  isEmpty(): boolean {
    return this.spent === 0 && this.reserved === 0 && this.need === 0 && this.idle() <= 0 && !this.isChanged;
  }

  /** Writes the entry of the next message, and lets go of the idle units that it gives back. */
  report(time: f64, w: JsonWriter): void {
    this.isChanged = false;
    const elapsed = time - this.reportedAt;
    this.recent =
      this.used + (elapsed > 0 ? Math.floor((this.recent * HEADROOM_MS) / (HEADROOM_MS + elapsed)) : this.recent);
    this.used = 0;
    this.reportedAt = time;
    const keep = this.edge || time - this.usedAt > IDLE_MS ? 0 : this.recent;
    const claim = this.spent + this.reserved + this.need + keep;
    if (claim < this.granted) this.granted = claim;
    w.object().key("id").string(this.id).key("window").whole(this.start).key("spent").whole(this.spent);
    w.key("reserved").whole(this.reserved).key("need").whole(this.need).key("keep").whole(keep).end();
  }

  /** The idle units have lapsed. */
  lapse(): void {
    const used = this.spent + this.reserved;
    if (this.granted > used) this.granted = used;
  }
}
