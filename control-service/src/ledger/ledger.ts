import { type Mistake, mistakesOf, type UsageRecord, usageRecordSchema } from "@oneapi/contract";
import type { Logger } from "pino";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Database } from "../store/database.ts";
import { GapWatch } from "./gaps.ts";
import { GroupCommit } from "./group-commit.ts";
import { PriceBook } from "./price-book.ts";
import { charge } from "./pricing.ts";
import type { ChargedRecord } from "./record-columns.ts";
import {
  type Batch,
  findConflicts,
  giveUp,
  keepRejected,
  type RejectedRecord,
  readSequences,
  replaceProvisional,
  storeRecords,
} from "./records.ts";
import { contiguous, firstGap, type SequenceRange } from "./sequence-ranges.ts";
import { identify, type Source } from "./source.ts";

export interface Delivery {
  /** Every record 1..n of the source is durable. */
  readonly acknowledged: number;
  /** What is wrong with the records that were put aside, at paths like `records[3].usage.prompt_tokens`. */
  readonly mistakes: readonly Mistake[];
}

export interface LedgerParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A batch is checked whole first: one call of the compiled schema, and nearly always the only one. */
const batchSchema = z.array(usageRecordSchema);

const sequenceOnly = usageRecordSchema.pick({ sequence: true });

/** How many sources' acknowledgements are remembered, so that idle syncs ask the database nothing. */
const MAX_SOURCES = 10_000;

/**
 * Batches that come while others are being stored share a statement: most of what one costs it costs once. Two at a time,
 * so that the next is put together while the database works, and most connections stay free for all else.
 */
const STATEMENTS = 2;
const RECORDS_PER_STATEMENT = 1000;

/** Takes usage records in: checks, prices and stores them, each once. */
export class Ledger {
  readonly prices: PriceBook;
  readonly #parts: LedgerParts;
  readonly #gaps = new GapWatch();
  readonly #acknowledged = new Map<string, number>();
  readonly #commit = new GroupCommit<Batch, SequenceRange[]>({
    work: (batches) => this.#store(batches),
    parallel: STATEMENTS,
    sizeOf: ({ entries }) => entries.length,
    largest: RECORDS_PER_STATEMENT,
    isSpoilt: isOfData,
  });

  private constructor(parts: LedgerParts, prices: PriceBook) {
    this.#parts = parts;
    this.prices = prices;
  }

  static async open(parts: LedgerParts): Promise<Ledger> {
    return new Ledger(parts, await PriceBook.open(parts.database.query));
  }

  /**
   * Stores a batch and answers once it is committed. A record that cannot be understood is put aside and acknowledged
   * with the rest: the gateway would only send it again, and everything behind it would wait for ever.
   */
  async deliver(source: Source, records: readonly unknown[]): Promise<Delivery> {
    const end = this.#parts.metrics.ingestSeconds.startTimer();
    const now = new Date(this.#parts.clock.now());
    const { good, bad, mistakes } = sortOut(records);
    const entries = good.map((record) => this.#charged(source, record));
    const sequences = [...good, ...bad].flatMap(({ sequence }) => (sequence === null ? [] : [sequence]));
    // What is put aside goes first: if this process dies in between, the batch comes again.
    await this.#putAside(source, bad, now);
    const received = await this.#commit.do({ source, entries, sequences });
    end();
    return { acknowledged: await this.#acknowledge(source, received), mistakes };
  }

  /**
   * Stores records of operations whose gateway is gone, for as long as it does not bring its own.
   *
   * @returns how many of them had none.
   */
  async close(source: Source, records: readonly UsageRecord[]): Promise<number> {
    const { database, clock } = this.#parts;
    const batch = { source, entries: records.map((record) => this.#charged(source, record)), sequences: [] };
    const { inserted } = await storeRecords(database.query, [batch], new Date(clock.now()), true);
    return this.#count(inserted);
  }

  /** One commit for the batches of many gateways; answers what is durable of the source of each. */
  async #store(batches: readonly Batch[]): Promise<SequenceRange[][]> {
    const { database, clock } = this.#parts;
    const now = new Date(clock.now());
    const { inserted, received } = await storeRecords(database.query, batches, now);
    const missing = batches.reduce((sum, { entries }) => sum + entries.length, 0) - this.#count(inserted);
    if (missing > 0) await this.#examineDuplicates(batches, missing, now);
    return batches.map(({ source }) => received.get(identify(source)) ?? []);
  }

  #charged(source: Source, record: UsageRecord): ChargedRecord {
    return { source, record, charge: charge(record.usage, this.prices.priceOf(record)) };
  }

  /**
   * What was acknowledged to a source last. Behind a load balancer another instance may know of more: a gateway takes
   * the largest number that it was told.
   */
  async acknowledged(source: Source): Promise<number> {
    const known = this.#acknowledged.get(identify(source));
    if (known !== undefined) return known;
    return this.#remember(source, contiguous(await readSequences(this.#parts.database.query, source)));
  }

  #count(inserted: Readonly<Record<string, number>>): number {
    let sum = 0;
    for (const [outcome, records] of Object.entries(inserted)) {
      this.#parts.metrics.records.inc({ outcome }, records);
      sum += records;
    }
    return sum;
  }

  async #examineDuplicates(batches: readonly Batch[], duplicates: number, now: Date): Promise<void> {
    const { database, metrics } = this.#parts;
    const replaced = await replaceProvisional(database.query, batches, now);
    metrics.duplicateRecords.inc(duplicates - replaced);
    const conflicts = await findConflicts(database.query, batches);
    for (const { source, record } of conflicts) {
      const reason = "operation_id is already that of another operation";
      await this.#putAside(source, [{ sequence: record.sequence, reason, record }], now);
    }
  }

  async #putAside(source: Source, rejected: readonly RejectedRecord[], now: Date): Promise<void> {
    if (rejected.length === 0) return;
    const { database, logger, metrics } = this.#parts;
    const kept = await keepRejected(database.query, source, rejected, now);
    metrics.rejectedRecords.inc(kept);
    const reasons = rejected.map(({ sequence, reason }) => ({ sequence, reason }));
    logger.error({ ...source, reasons }, "usage records were put aside in rejected_records");
  }

  async #acknowledge(source: Source, received: SequenceRange[]): Promise<number> {
    const { database, clock, logger, metrics } = this.#parts;
    const gap = firstGap(received);
    const verdict = this.#gaps.observe(identify(source), gap, clock.now());
    if (gap === null || verdict === null) return this.#remember(source, contiguous(received));
    const missing = { ...source, from: gap[0], to: gap[1] - 1 };
    if (verdict === "new") {
      metrics.sequenceGaps.inc({ gateway: source.node });
      logger.warn(missing, "usage records are missing in a gateway's sequence");
      return this.#remember(source, contiguous(received));
    }
    metrics.lostRecords.inc({ gateway: source.node }, gap[1] - gap[0]);
    logger.error(missing, "usage records of a gateway never came and are given up");
    return this.#acknowledge(source, await giveUp(database.query, source, gap));
  }

  #remember(source: Source, acknowledged: number): number {
    const name = identify(source);
    const highest = Math.max(acknowledged, this.#acknowledged.get(name) ?? 0);
    this.#acknowledged.delete(name);
    this.#acknowledged.set(name, highest);
    const oldest = this.#acknowledged.keys().next();
    if (this.#acknowledged.size > MAX_SOURCES && !oldest.done) this.#acknowledged.delete(oldest.value);
    return highest;
  }
}

/**
 * Whether PostgreSQL refused values, or let one of two statements go that waited for each other: then batches that were
 * stored together are stored each by itself.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
function isOfData(error: unknown): boolean {
  return /^(22|23|40)[0-9A-Z]{3}$/.test(String((error as { code?: unknown }).code));
}

interface Sorted {
  readonly good: UsageRecord[];
  readonly bad: RejectedRecord[];
  readonly mistakes: Mistake[];
}

function sortOut(records: readonly unknown[]): Sorted {
  const whole = batchSchema.safeParse(records);
  if (whole.success) return { good: whole.data, bad: [], mistakes: [] };
  const sorted: Sorted = { good: [], bad: [], mistakes: [] };
  for (const [index, record] of records.entries()) {
    const result = usageRecordSchema.safeParse(record);
    if (result.success) {
      sorted.good.push(result.data);
      continue;
    }
    const path = ["records", index];
    const mistakes = mistakesOf(result.error.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] })));
    sorted.mistakes.push(...mistakes);
    sorted.bad.push({
      sequence: sequenceOnly.safeParse(record).data?.sequence ?? null,
      reason: mistakes.map(({ path, message }) => `${path} ${message}`).join("; "),
      record,
    });
  }
  return sorted;
}
