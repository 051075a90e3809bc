import { ARRAY, Json } from "../json.ts";
import { JsonWriter } from "../json-writer.ts";
import { Lease } from "./lease.ts";
import { Limit, REQUESTS } from "./limit.ts";

/** Entries in one message at most. */
const MOST_ENTRIES: i32 = 1000;
const SWEEP_MS: f64 = 1000;
const FIRST_TTL_MS: f64 = 10000;
/** How long requests are refused without asking, once a window's are used up. */
const REST_MS: f64 = 250;

/**
 * All leases of this gateway, and what it says of them to the control service: one message at a time, numbered, each
 * telling absolute counts, so that a message which is lost or comes twice changes nothing.
 */
export class Leases {
  private leases: Map<string, Lease> = new Map<string, Lease>();
  private all: Array<Lease> = new Array<Lease>();
  private readonly changed: Array<Lease> = new Array<Lease>();
  /** The leases of the message under way. */
  private told: Array<Lease> = new Array<Lease>();
  /** Numbers of the last message that was written, and of the last that was answered. */
  private written: f64 = 0;
  answered: f64 = 0;
  private sentAt: f64 = 0;
  private ttl: f64 = FIRST_TTL_MS;
  /** Idle units are this gateway's own until then. */
  private ownUntil: f64 = 0;
  private sweptAt: f64 = 0;
  /** The control service's clock less this gateway's. */
  private ahead: f64 = 0;
  /** Somebody waits for what the next message asks, or for what it gives back. */
  urgent: boolean = false;
  /** The control service answers, but cannot reach its counters. */
  unavailable: boolean = false;

  /** The control service's time. */
  time(now: f64): f64 {
    return now + this.ahead;
  }

  /** Whether idle units may still be used: after their time the control service may have given them to others. */
  areOwn(now: f64): boolean {
    return now < this.ownUntil;
  }

  /** The message that will tell what is changed now. */
  nextMessage(): f64 {
    return this.written + 1;
  }

  of(limit: Limit): Lease {
    const known = limit.lease;
    if (known != null && !known.dropped) return known;
    let lease: Lease;
    if (this.leases.has(limit.id)) lease = this.leases.get(limit.id)!;
    else {
      lease = new Lease(limit.id, limit.window, this.changed);
      this.leases.set(limit.id, lease);
      this.all.push(lease);
    }
    limit.lease = lease;
    return lease;
  }

  hasChanges(): boolean {
    return this.changed.length > 0;
  }

  /** Keeps time: lets go of what lapsed or lies idle; true when a message is due though nothing has changed. */
  tick(now: f64): boolean {
    if (now - this.sweptAt < SWEEP_MS) return false;
    this.sweptAt = now;
    const lapsed = !this.areOwn(now);
    const time = this.time(now);
    const kept = new Array<Lease>();
    let holding = false;
    for (let i: i32 = 0; i < this.all.length; i++) {
      const lease = this.all[i]!;
      lease.turn(time);
      if (lapsed) lease.lapse();
      if (lease.isStale(time)) lease.mark();
      if (lease.isEmpty()) {
        lease.dropped = true;
        this.leases.delete(lease.id);
      } else {
        kept.push(lease);
        holding = true;
      }
    }
    this.all = kept;
    // Who refuses because the counters are away marks nothing, and must still hear when they are back.
    return this.unavailable || (holding && now - this.sentAt >= this.ttl * 0.3);
  }

  /** Writes the next message's `leases`. */
  write(now: f64, w: JsonWriter): void {
    const time = this.time(now);
    this.written += 1;
    this.sentAt = now;
    this.urgent = false;
    this.told = new Array<Lease>();
    w.object().key("sequence").whole(this.written).key("entries").array();
    while (this.changed.length > 0 && this.told.length < MOST_ENTRIES) {
      const lease = this.changed.pop()!;
      lease.turn(time);
      lease.report(time, w);
      this.told.push(lease);
    }
    w.end().end();
  }

  /** Takes the answer's `leases`; `controlTime` is the control service's when it answered. */
  answer(json: Json | null, controlTime: f64, now: f64): void {
    if (controlTime > 0) this.ahead = controlTime - now;
    if (json == null || json.flag("unavailable")) {
      this.unavailable = json != null;
      this.failed();
      return;
    }
    this.unavailable = false;
    this.ttl = json.count32("ttl_ms", FIRST_TTL_MS as i32) as f64;
    this.ownUntil = this.sentAt + this.ttl;
    this.answered = this.written;
    const time = this.time(now);
    for (let i: i32 = 0; i < this.told.length; i++) this.told[i]!.absent = true;
    const entries = json.value("entries");
    let entry: Json | null = null;
    if (entries != null && entries.kind === ARRAY) entry = entries.first();
    while (entry != null) {
      const id = entry.string("id", "");
      if (this.leases.has(id)) this.take(this.leases.get(id)!, entry, time);
      entry = entry.next;
    }
    this.told = new Array<Lease>();
  }

  private take(lease: Lease, entry: Json, time: f64): void {
    lease.absent = false;
    lease.turn(time);
    const window = entry.value("window");
    if (window == null || window.whole(-1) !== lease.start) {
      // The window has turned meanwhile: what was asked for must be asked for again.
      if (lease.need > 0) {
        lease.mark();
        this.urgent = true;
      }
      return;
    }
    const granted = entry.value("granted");
    const left = entry.value("left");
    if (granted != null) lease.granted = granted.whole(lease.granted);
    lease.left = left == null ? -1 : left.whole(0);
    lease.edge = entry.flag("edge");
    if (!entry.flag("final")) return;
    lease.finalAt = this.written;
    lease.restsUntil = time + REST_MS;
  }

  /** The message has not been answered: all that it told is told again. */
  failed(): void {
    for (let i: i32 = 0; i < this.told.length; i++) this.told[i]!.mark();
    this.told = new Array<Lease>();
  }

  /** The control service wants to hear of these: others wait for what is idle here, or what was waited for is free. */
  noted(ids: Json | null): void {
    let id: Json | null = null;
    if (ids != null && ids.kind === ARRAY) id = ids.first();
    while (id != null) {
      const name = id.text();
      if (this.leases.has(name)) {
        const lease = this.leases.get(name)!;
        lease.edge = true;
        lease.mark();
        this.urgent = true;
      }
      id = id.next;
    }
  }
}

/** Whether a lease has no more requests to give, for certain: they do not come back within their window. */
export function isUsedUp(limit: Limit, lease: Lease, time: f64): boolean {
  return limit.metric === REQUESTS && lease.finalAt >= 0 && time < lease.restsUntil;
}
