import { createHash } from "node:crypto";
import type { Outcome } from "@oneapi/contract";
import { type Kysely, sql } from "kysely";
import type { Tables } from "../store/tables.ts";
import { arrayLiteral, type ChargedRecord, recordColumns } from "./record-columns.ts";
import { formatSequences, parseRanges, type SequenceRange } from "./sequence-ranges.ts";
import { identify, type Source } from "./source.ts";

/** What one message brought. */
export interface Batch {
  readonly source: Source;
  readonly entries: readonly ChargedRecord[];
  /** Of the records and of those that were rejected. */
  readonly sequences: readonly number[];
}

/** A record that cannot be stored as one. */
export interface RejectedRecord {
  /** Null when even that could not be read. */
  readonly sequence: number | null;
  readonly reason: string;
  /** As it was sent. */
  readonly record: unknown;
}

export interface Stored {
  /** How many records were new, by outcome. */
  readonly inserted: Readonly<Partial<Record<Outcome, number>>>;
  /** Every sequence number that is durable now, by source (`identify`). */
  readonly received: ReadonlyMap<string, SequenceRange[]>;
}

const names = sql.join(recordColumns.map((column) => sql.ref(column.name)));

/**
 * Stores batches in one statement, so in one transaction and one round trip: the records, each once by operation id,
 * and the sequence numbers that are durable with them.
 *
 * @param provisional they tell what is known of operations whose gateway is gone; its own records replace them.
 */
export async function storeRecords(
  database: Kysely<Tables>,
  batches: readonly Batch[],
  now: Date,
  provisional = false,
): Promise<Stored> {
  const entries = batches.flatMap((batch) => batch.entries);
  const arrays = sql.join(
    recordColumns.map((column) => sql`${arrayLiteral(column, entries)}::${sql.raw(column.type)}[]`),
  );
  const sources = sequencesBySource(batches);
  const result = await sql<{ node: string; epoch: string; received: string; inserted: Stored["inserted"] | null }>`
    with progress as (
      insert into gateway_sequences as held (node, epoch, received, updated_at)
      select source.node, source.epoch, source.received::int8multirange, ${now}::timestamptz
      from unnest(${sources.map(({ source }) => source.node)}::text[], ${sources.map(({ source }) => source.epoch)}::text[],
                  ${sources.map(({ sequences }) => formatSequences(sequences))}::text[]) as source (node, epoch, received)
      on conflict (node, epoch) do update set
        received = held.received + excluded.received,
        lost = held.lost - excluded.received,
        updated_at = excluded.updated_at
      returning node, epoch, received::text as received
    ), inserted as (
      insert into usage_records (provisional, received_at, ${names})
      select ${provisional}::boolean, ${now}::timestamptz, record.* from unnest(${arrays}) as record
      on conflict (operation_id) do nothing
      returning operation_id, outcome
    ), closed as (
      delete from open_operations using inserted where open_operations.operation_id = inserted.operation_id
    ), counted as (
      select outcome, count(*) as records from inserted group by outcome
    )
    select progress.*, (select json_object_agg(outcome, records) from counted) as inserted from progress
  `.execute(database);
  return {
    inserted: result.rows[0]?.inserted ?? {},
    received: new Map(result.rows.map((row) => [identify(row), parseRanges(row.received)])),
  };
}

/** In one order for all, so that two statements never wait for each other's rows. */
function sequencesBySource(batches: readonly Batch[]): { source: Source; sequences: number[] }[] {
  const sources = new Map<string, { source: Source; sequences: number[] }>();
  for (const { source, sequences } of batches) {
    const name = identify(source);
    const known = sources.get(name);
    if (known === undefined) sources.set(name, { source, sequences: [...sequences] });
    else known.sequences.push(...sequences);
  }
  return [...sources.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, known]) => known);
}

/** Puts records in the place of those that were written for their gateway while it was gone; answers how many there were. */
export async function replaceProvisional(
  database: Kysely<Tables>,
  batches: readonly Batch[],
  now: Date,
): Promise<number> {
  return await database.transaction().execute(async (transaction) => {
    const rows = await transaction
      .deleteFrom("usage_records")
      .where("provisional", "=", true)
      .where("operation_id", "=", anyOperation(batches))
      .returning("operation_id")
      .execute();
    if (rows.length === 0) return 0;
    const ids = new Set(rows.map((row) => row.operation_id));
    const replacing = batches.map(({ source, entries }) => ({
      source,
      entries: entries.filter(({ record }) => ids.has(record.operation_id)),
      sequences: [],
    }));
    await storeRecords(transaction, replacing, now);
    return ids.size;
  });
}

function anyOperation(batches: readonly Batch[]) {
  const ids = batches.flatMap(({ entries }) => entries.map(({ record }) => record.operation_id));
  return sql<string>`any(${ids}::text[])`;
}

/** The sequence numbers of a source that are durable. */
export async function readSequences(database: Kysely<Tables>, source: Source): Promise<SequenceRange[]> {
  const row = await database
    .selectFrom("gateway_sequences")
    .select(sql<string>`received::text`.as("received"))
    .where("node", "=", source.node)
    .where("epoch", "=", source.epoch)
    .executeTakeFirst();
  return row === undefined ? [] : parseRanges(row.received);
}

/** Gives up on sequence numbers that never came, so that those after them can be acknowledged. */
export async function giveUp(
  database: Kysely<Tables>,
  source: Source,
  [from, to]: SequenceRange,
): Promise<SequenceRange[]> {
  const gap = sql`int8multirange(int8range(${String(from)}::int8, ${String(to)}::int8))`;
  const row = await database
    .updateTable("gateway_sequences")
    .set({ lost: sql`lost + (${gap} - received)`, received: sql`received + ${gap}` })
    .where("node", "=", source.node)
    .where("epoch", "=", source.epoch)
    .returning(sql<string>`received::text`.as("received"))
    .executeTakeFirstOrThrow();
  return parseRanges(row.received);
}

/** Keeps records that could not be stored, each once however often it is delivered; answers how many were new. */
export async function keepRejected(
  database: Kysely<Tables>,
  source: Source,
  rejected: readonly RejectedRecord[],
  now: Date,
): Promise<number> {
  const rows = rejected.map(({ sequence, reason, record }) => {
    const text = JSON.stringify(record) ?? "null";
    return {
      received_at: now,
      gateway: source.node,
      epoch: source.epoch,
      sequence: sequence === null ? null : BigInt(sequence),
      reason,
      record: sql<unknown>`${text}::json`,
      digest: createHash("sha256").update(text).digest("hex"),
    };
  });
  const inserted = await database
    .insertInto("rejected_records")
    .values(rows)
    .onConflict((conflict) => conflict.columns(["gateway", "epoch", "digest"]).doNothing())
    .returning("id")
    .execute();
  return inserted.length;
}

/**
 * Of records that were not inserted because their operation id is known, those that tell of another operation: an id
 * used twice would hide usage, so these must not vanish.
 */
export async function findConflicts(database: Kysely<Tables>, batches: readonly Batch[]): Promise<ChargedRecord[]> {
  const rows = await database
    .selectFrom("usage_records")
    .select(["operation_id", "created_at", "key_id", "prompt_tokens", "completion_tokens"])
    .where("operation_id", "=", anyOperation(batches))
    .execute();
  const stored = new Map(rows.map((row) => [row.operation_id, row]));
  return batches
    .flatMap(({ entries }) => entries)
    .filter(({ record }) => {
      const row = stored.get(record.operation_id);
      return (
        row !== undefined &&
        (row.created_at.getTime() !== record.created_at_ms ||
          row.key_id !== record.key ||
          row.prompt_tokens !== record.usage.prompt_tokens ||
          row.completion_tokens !== record.usage.completion_tokens)
      );
    });
}
