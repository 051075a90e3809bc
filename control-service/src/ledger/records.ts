import { createHash } from "node:crypto";
import type { Outcome } from "@oneapi/contract";
import { type Kysely, sql } from "kysely";
import type { Tables } from "../store/tables.ts";
import { arrayLiteral, type ChargedRecord, recordColumns } from "./record-columns.ts";
import { formatSequences, parseRanges, type SequenceRange } from "./sequence-ranges.ts";

/** Where records come from: one process of one gateway. */
export interface Source {
  readonly node: string;
  readonly epoch: string;
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
  /** Every sequence number of the source that is durable now. */
  readonly received: SequenceRange[];
}

const names = sql.join(recordColumns.map((column) => sql.ref(column.name)));

/**
 * Stores a batch in one statement, so in one transaction and one round trip: the records, each once by operation id,
 * and the sequence numbers that are durable with them.
 *
 * @param sequences of the records and of those that were rejected.
 * @param provisional they tell what is known of operations whose gateway is gone; its own records replace them.
 */
export async function storeRecords(
  database: Kysely<Tables>,
  source: Source,
  entries: readonly ChargedRecord[],
  sequences: readonly number[],
  now: Date,
  provisional = false,
): Promise<Stored> {
  const arrays = sql.join(
    recordColumns.map((column) => sql`${arrayLiteral(column, entries)}::${sql.raw(column.type)}[]`),
  );
  const result = await sql<{ received: string; inserted: Stored["inserted"] | null }>`
    with progress as (
      insert into gateway_sequences as held (node, epoch, received, updated_at)
      values (${source.node}, ${source.epoch}, ${formatSequences(sequences)}::int8multirange, ${now})
      on conflict (node, epoch) do update set
        received = held.received + excluded.received,
        lost = held.lost - excluded.received,
        updated_at = excluded.updated_at
      returning received::text as received
    ), inserted as (
      insert into usage_records (provisional, gateway, epoch, received_at, ${names})
      select ${provisional}::boolean, ${source.node}::text, ${source.epoch}::text, ${now}::timestamptz, record.*
      from unnest(${arrays}) as record
      on conflict (operation_id) do nothing
      returning operation_id, outcome
    ), closed as (
      delete from open_operations using inserted where open_operations.operation_id = inserted.operation_id
    ), counted as (
      select outcome, count(*) as records from inserted group by outcome
    )
    select (select received from progress) as received,
           (select json_object_agg(outcome, records) from counted) as inserted
  `.execute(database);
  const row = result.rows[0];
  if (row === undefined) throw new Error("the statement that stores records answered nothing");
  return { inserted: row.inserted ?? {}, received: parseRanges(row.received) };
}

/** Puts records in the place of those that were written for their gateway while it was gone; answers how many there were. */
export async function replaceProvisional(
  database: Kysely<Tables>,
  source: Source,
  entries: readonly ChargedRecord[],
  now: Date,
): Promise<number> {
  return await database.transaction().execute(async (transaction) => {
    const rows = await transaction
      .deleteFrom("usage_records")
      .where("provisional", "=", true)
      .where("operation_id", "=", sql<string>`any(${entries.map(({ record }) => record.operation_id)}::text[])`)
      .returning("operation_id")
      .execute();
    if (rows.length === 0) return 0;
    const ids = new Set(rows.map((row) => row.operation_id));
    const replacing = entries.filter(({ record }) => ids.has(record.operation_id));
    await storeRecords(transaction, source, replacing, [], now);
    return ids.size;
  });
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
export async function findConflicts(
  database: Kysely<Tables>,
  entries: readonly ChargedRecord[],
): Promise<ChargedRecord[]> {
  const rows = await database
    .selectFrom("usage_records")
    .select(["operation_id", "created_at", "key_id", "prompt_tokens", "completion_tokens"])
    .where("operation_id", "=", sql<string>`any(${entries.map(({ record }) => record.operation_id)}::text[])`)
    .execute();
  const stored = new Map(rows.map((row) => [row.operation_id, row]));
  return entries.filter(({ record }) => {
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
