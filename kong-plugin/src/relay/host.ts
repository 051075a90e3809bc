import { randomBytes, randomInt } from "node:crypto";
import { ByteWriter, Gateway, type Operation, Sync } from "@oneapi/core";
import { ControlLink } from "./control-link.ts";
import { NO_JOURNAL, type RecordJournal } from "./journal.ts";
import { Metrics } from "./metrics.ts";
import { ProviderPools, type Providers } from "./provider-pools.ts";
import { Tickets } from "./tickets.ts";

/** How exactly time is kept, in milliseconds. */
const TICK_MS = 20;
/** The longest that a client waits for the end of its answer until the record is safe. */
const LONGEST_HOLD_MS = 30_000;
/** A peak of one large answer is not kept for ever. */
const LARGEST_IDLE = 1024 * 1024;

/** Waits for its key, for room in its limits, or for the control service to have it in store. */
export interface Waiting {
  wake(now: number): void;
}

/** Holds the end of its answer until the record is stored; answers true when it has let it go. */
export interface Ending {
  end(now: number): boolean;
}

/** A call under way, as far as the end of the process matters to it. */
export interface Interruptible {
  /** Ends the call now, so that its client knows why. */
  breakOff(): void;
}

/** Has times to keep: ends itself when one of them is over. */
export interface Watched {
  watch(now: number): void;
}

export interface HostSettings {
  /** Base URL of the control service. */
  controlUrl: string;
  /** The gateway's token there. */
  token: string;
  /** Name of this gateway. */
  node: string;
  /** PEM file of the authorities that sign providers' certificates; those of Node when it is absent. */
  authorities?: string;
  log: (text: string) => void;
  /** Unix time in milliseconds. */
  clock?: () => number;
  providers?: Providers;
}

/**
 * What all calls of this process share: the core's state, the conversation with the control service, and one clock. The
 * plugin's phases and the relay both work on it, so what one of them has learned of a key the other knows.
 */
export class Host {
  /** Random, new with every start. */
  readonly epoch = randomBytes(8).toString("hex");
  readonly gateway = new Gateway(this.epoch, randomInt(2 ** 31 - 1));
  readonly tickets = new Tickets();
  readonly metrics: Metrics;
  readonly providers: Providers;
  readonly clock: () => number;
  readonly log: (text: string) => void;
  readonly #link: ControlLink;
  #journal: RecordJournal = NO_JOURNAL;
  /** Calls under way. */
  readonly calls = new Set<Interruptible>();
  readonly #waiting = new Set<Waiting>();
  readonly #ending = new Set<Ending>();
  readonly #watched = new Set<Watched>();
  readonly #out = new ByteWriter(16 * 1024);
  readonly #timer: NodeJS.Timeout;

  constructor(settings: HostSettings) {
    this.clock = settings.clock ?? Date.now;
    this.log = settings.log;
    this.providers = settings.providers ?? new ProviderPools(settings.authorities);
    this.metrics = new Metrics(this.gateway, () => this.calls.size);
    const sync = new Sync(this.gateway, settings.node, this.epoch, "kong");
    this.#link = new ControlLink(settings, sync, () => this.#hear());
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#link.talk(this.clock());
  }

  #tick(): void {
    const now = this.clock();
    for (const one of this.#watched) one.watch(now);
    this.#goOn(now);
    this.#link.talk(now);
  }

  /** The control service has answered, or failed to. */
  #hear(): void {
    const now = this.clock();
    this.#journal.stored(this.gateway.outbox.storedUpTo());
    this.#noteRoom();
    this.#bringBack();
    const config = this.gateway.config;
    if (config !== null) this.providers.keepOnly(config);
    this.#link.talk(now);
    this.#goOn(now);
  }

  #goOn(now: number): void {
    for (const one of [...this.#waiting]) {
      this.#waiting.delete(one);
      one.wake(now);
    }
    for (const one of [...this.#ending]) if (one.end(now)) this.#ending.delete(one);
  }

  /** The call is woken when the control service has answered, and each time the clock ticks. */
  wait(one: Waiting): void {
    this.#waiting.add(one);
    this.#link.talk(this.clock());
  }

  /** The end of the call's answer goes when the record is stored. */
  waitForStore(one: Ending): void {
    this.#ending.add(one);
    this.#link.talk(this.clock());
  }

  watch(one: Watched): void {
    this.#watched.add(one);
  }

  unwatch(one: Watched): void {
    this.#watched.delete(one);
  }

  leave(one: Waiting & Ending): void {
    this.#waiting.delete(one);
    this.#ending.delete(one);
  }

  /** From now on records are kept there too; `journalChanged` is to be called when it has made records safe, or room. */
  keepRecordsIn(journal: RecordJournal): void {
    this.#journal = journal;
    this.metrics.journal = journal;
    this.#noteRoom();
  }

  journalChanged(): void {
    this.#noteRoom();
    const now = this.clock();
    for (const one of [...this.#ending]) if (one.end(now)) this.#ending.delete(one);
  }

  #noteRoom(): void {
    this.gateway.outbox.noRoom = this.#journal.isFull;
  }

  /** What is on disk needs no memory until it leaves. */
  #bringBack(): void {
    const { outbox } = this.gateway;
    for (let from = outbox.wantsFrom(); from > 0; from = outbox.wantsFrom()) {
      outbox.bring(Buffer.from(this.#journal.read(from, outbox.wantsTo()).join(",")));
    }
  }

  /** Whether the end of the operation's answer waits until its record is safe (`mayEnd`). */
  holdsEnd(operation: Operation): boolean {
    return this.#journal.holdsEnds || operation.key?.strict === true;
  }

  mayEnd(operation: Operation, now: number): boolean {
    if (!this.gateway.mayEnd(operation, now)) return false;
    return this.#journal.isSafe(operation.sequence) || now >= operation.closedAt + LONGEST_HOLD_MS;
  }

  /** The operation is over: its record is written, once, and kept until it is stored. */
  close(operation: Operation, clientLeft: boolean): void {
    if (operation.closed) return;
    this.gateway.close(operation, clientLeft, this.clock());
    if (operation.sequence === 0) return;
    const { outbox } = this.gateway;
    this.#journal.add(operation.sequence, outbox.last());
    outbox.park(this.#journal.readable);
    this.#noteRoom();
  }

  /** Written anew by whoever needs it; nobody keeps it beyond its own turn. */
  writer(): ByteWriter {
    if (this.#out.bytes.length > LARGEST_IDLE) this.#out.shrink(16 * 1024);
    return this.#out.clear();
  }

  /** Whether the control service has told what there is to serve. */
  get ready(): boolean {
    return this.gateway.config !== null;
  }

  /** Whether every record is stored. */
  get settled(): boolean {
    return this.gateway.outbox.isEmpty();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([this.#link.stop(), this.providers.stop()]);
  }
}
