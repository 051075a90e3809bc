import type { GatewayLimit, LeaseAnswer, LeaseClaim, LeaseGrant, LeaseRequest } from "@oneapi/contract";
import type { Source } from "../ledger/source.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Services } from "../services.ts";
import { isBalance, openBalances, recordedShares } from "./balances.ts";
import type { Claim, Counters, Entry, Note, Outcome } from "./counters.ts";
import { lateClaims } from "./late-records.ts";
import { LimitBook } from "./limit-book.ts";
import { holderOf, remains } from "./lost-holders.ts";
import { Mailboxes } from "./mailboxes.ts";
import { ProcessCounters } from "./process-counters.ts";
import { RedisCounters } from "./redis-counters.ts";
import { windowAt } from "./windows.ts";

/** How long a gateway may use idle units after it was heard. */
export const LEASE_TTL_MS = 10_000;
/** A gateway unheard of for so long is gone: its own time to live is over by then, whatever its message's way took. */
export const LOST_MS = LEASE_TTL_MS + 2000;
/** One that is gone for so long does not come back. */
const FORGOTTEN_MS = 24 * 3_600_000;

const TEND_MS = 1000;
/** A process that did not come to it for so long stood still, and has heard nobody meanwhile. */
const STANDSTILL_MS = 4000;
const SWEEP_MS = 60_000;
/** Reports on a window may come that long after its end. */
const KEPT_AFTER_END_MS = 60_000;

/** The limits: what they are, what gateways were granted of them, and whom to ask to give something back. */
export class Limits {
  readonly book: LimitBook;
  readonly #services: Services;
  readonly #metrics: Metrics;
  readonly #mailboxes = new Mailboxes();
  /** Called with the holder for which notes came in. */
  readonly #wake: (holder: string) => void;
  #counters!: Counters;
  /** No holder counts as lost before: none could be heard while the counters were away or this process did not run. */
  #patientUntil: number;
  #sweptAt: number;
  /** On the process's own clock, which goes on while it stands still. */
  #tendedAt = performance.now();
  #tending: Promise<void> | null = null;
  readonly #timer: NodeJS.Timeout;

  private constructor(services: Services, metrics: Metrics, wake: (holder: string) => void) {
    this.book = new LimitBook(services.database);
    this.#services = services;
    this.#metrics = metrics;
    this.#wake = wake;
    this.#patientUntil = services.clock.now() + LOST_MS;
    this.#sweptAt = services.clock.now();
    this.#timer = setInterval(() => void this.tend(), TEND_MS);
    this.#timer.unref();
  }

  static async open(services: Services, metrics: Metrics, wake: (holder: string) => void): Promise<Limits> {
    const limits = new Limits(services, metrics, wake);
    const notify = (notes: readonly Note[]) => limits.#deliver(notes);
    limits.#counters =
      services.redisUrl === null
        ? await ProcessCounters.open(services.database, services.clock, notify)
        : await RedisCounters.open({
            url: services.redisUrl,
            logger: services.logger,
            notify,
            failed: () => metrics.redisErrors.inc(),
          });
    return limits;
  }

  get counters(): Counters {
    return this.#counters;
  }

  /** Takes a holder's report and answers its leases; never rejects. */
  async answer(holder: string, { sequence, entries }: LeaseRequest): Promise<LeaseAnswer> {
    const now = this.#services.clock.now();
    try {
      const limits = await this.book.find(entries.map(({ id }) => id));
      const known = entries.filter(({ id }) => limits.has(id));
      const asked = known.map((claim) => entryOf(claim, limits.get(claim.id) as GatewayLimit, now));
      const outcome = await this.#claim({ holder, sequence, now, entries: asked });
      const answered = outcome.grants.map((grant, index): LeaseGrant => {
        const { id, window } = known[index] as LeaseClaim;
        return { id, window, ...grant };
      });
      this.#count(known, answered);
      return { sequence: outcome.sequence, ttl_ms: LEASE_TTL_MS, entries: answered };
    } catch (error) {
      this.#bePatient();
      this.#services.logger.error({ err: error, holder }, "the limits' counters cannot be reached");
      return { unavailable: true };
    }
  }

  /** Sets what a gateway process that is gone has spent of its balances to what its records say, of which these came now. */
  async settle(source: Source, sequence: number, records: readonly unknown[]): Promise<LeaseAnswer> {
    const entries = await lateClaims(this.#services.database.query, this.book, source, records);
    return await this.answer(holderOf(source), { sequence, entries });
  }

  hasNotes(holder: string): boolean {
    return !this.#mailboxes.isEmpty(holder, this.#services.clock.now());
  }

  /** The counters that a holder should report on now; each is told once. */
  takeNotes(holder: string): string[] {
    return this.#mailboxes.take(holder, this.#services.clock.now());
  }

  /** Reads the limits again, and tells holders of those that changed. */
  async refresh(): Promise<void> {
    const changed = await this.book.refresh();
    if (changed.length === 0) return;
    const now = this.#services.clock.now();
    const places = changed.map(({ id, window }) => ({ counter: id, window: windowAt(window, now).start }));
    // Not waited for: gateways hear of the limits themselves in any case.
    this.#counters.announce(places).catch((error) => {
      this.#services.logger.warn({ err: error }, "cannot tell gateways of changed limits");
    });
  }

  /** Buries holders that are lost and lets go of what is over; called every second, and never twice at a time. */
  tend(): Promise<void> {
    this.#tending ??= this.#tend()
      .catch((error) => {
        // Of gateways that report to other instances nothing could be heard either.
        this.#bePatient();
        this.#services.logger.warn({ err: error }, "cannot tend the limits' counters");
      })
      .finally(() => {
        this.#tending = null;
      });
    return this.#tending;
  }

  /** Brings the metric of counters up to date, as far as they can be reached. */
  async countCounters(): Promise<void> {
    const size = await this.#counters.size().catch(() => null);
    if (size !== null) this.#metrics.limitCounters.set(size);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#tending;
    await this.#counters.close();
  }

  async #tend(): Promise<void> {
    const stoodStill = performance.now() - this.#tendedAt > STANDSTILL_MS;
    this.#tendedAt = performance.now();
    if (stoodStill) this.#bePatient();
    const now = this.#services.clock.now();
    if (now < this.#patientUntil) return;
    for (const { holder, heardAt, shares } of await this.#counters.silent(now - LOST_MS)) {
      const left = [];
      for (const share of shares) left.push(await remains(this.#services.database.query, holder, share, now));
      if (!(await this.#counters.bury(holder, heardAt, left, now))) continue;
      this.#metrics.lostHolders.inc();
      this.#services.logger.info({ holder, shares: shares.length }, "a gateway's leases ended with it");
    }
    if (now < this.#sweptAt + SWEEP_MS) return;
    this.#sweptAt = now;
    await this.#counters.forget(now - FORGOTTEN_MS);
    await this.#counters.sweep(now - KEPT_AFTER_END_MS);
  }

  /** Gives all holders the time to be heard again. */
  #bePatient(): void {
    this.#patientUntil = this.#services.clock.now() + LOST_MS;
  }

  async #claim(claim: Claim): Promise<Extract<Outcome, { kind: "granted" }>> {
    const outcome = await this.#counters.claim(claim);
    if (outcome.kind === "granted") return outcome;
    // New balances, or Redis has lost them: what was spent of them stands in the ledger.
    const { query } = this.#services.database;
    await openBalances(query, outcome.balances, new Date(claim.now));
    for (const balance of outcome.balances) {
      await this.#counters.open(balance, await recordedShares(query, balance, claim.now));
    }
    const again = await this.#counters.claim(claim);
    if (again.kind === "granted") return again;
    throw new Error(`balances cannot be opened: ${again.balances}`);
  }

  #deliver(notes: readonly Note[]): void {
    const now = this.#services.clock.now();
    for (const note of notes) this.#mailboxes.put(note, now);
    this.#metrics.leaseNotes.inc(notes.length);
    for (const holder of new Set(notes.map(({ holder }) => holder))) this.#wake(holder);
  }

  #count(claims: readonly LeaseClaim[], grants: readonly LeaseGrant[]): void {
    let denied = 0;
    for (const [index, { granted }] of grants.entries()) {
      const { spent, reserved, need } = claims[index] as LeaseClaim;
      if (granted < spent + reserved + need) denied++;
    }
    this.#metrics.leaseDenials.inc(denied);
    this.#metrics.leaseGrants.inc(grants.length - denied);
  }
}

const SHORT_WINDOWS: ReadonlySet<string> = new Set(["second", "minute"]);

function entryOf(claim: LeaseClaim, limit: GatewayLimit, now: number): Entry {
  const { start } = windowAt(limit.window, now);
  return {
    counter: claim.id,
    window: claim.window,
    endsAt: windowAt(limit.window, claim.window).end,
    current: claim.window === start,
    amount: limit.amount,
    refundable: limit.metric === "tokens" || limit.metric === "spend",
    balance: isBalance(limit),
    lasting: !SHORT_WINDOWS.has(limit.window),
    spent: claim.spent,
    reserved: claim.reserved,
    need: claim.need,
    keep: claim.keep,
  };
}
