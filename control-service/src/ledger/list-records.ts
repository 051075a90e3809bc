import type { LedgerRecord, RecordFilter, RecordPage } from "@oneapi/contract";
import { type Kysely, type Selectable, sql } from "kysely";
import type { Tables } from "../store/tables.ts";

/** A place in the list: the record that a page ended with. */
interface Cursor {
  readonly createdAt: Date;
  readonly id: bigint;
}

const filterColumns = {
  operation_id: "operation_id",
  project: "project",
  key: "key_id",
  user: "user_name",
  model: "requested_model",
  provider: "provider",
  outcome: "outcome",
} as const;

/**
 * One page of records, newest first. A page begins behind the last record of the one before, so records that arrive
 * meanwhile neither repeat nor hide any.
 *
 * @returns null when the cursor is none that this function made.
 */
export async function listRecords(database: Kysely<Tables>, filter: RecordFilter): Promise<RecordPage | null> {
  let query = database.selectFrom("usage_records").selectAll();
  for (const [name, column] of Object.entries(filterColumns)) {
    const value = filter[name as keyof typeof filterColumns];
    if (value !== undefined) query = query.where(column, "=", value);
  }
  if (filter.from !== undefined) query = query.where("created_at", ">=", new Date(filter.from));
  if (filter.to !== undefined) query = query.where("created_at", "<", new Date(filter.to));
  if (filter.cursor !== undefined) {
    const cursor = readCursor(filter.cursor);
    if (cursor === null) return null;
    query = query.where(
      sql<boolean>`(created_at, id) < (${cursor.createdAt}::timestamptz, ${String(cursor.id)}::int8)`,
    );
  }
  const rows = await query
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(filter.limit + 1)
    .execute();
  const page = rows.slice(0, filter.limit);
  const last = page.at(-1);
  const next =
    rows.length > page.length && last !== undefined ? writeCursor({ createdAt: last.created_at, id: last.id }) : null;
  return { items: page.map(ledgerRecord), next };
}

function ledgerRecord(row: Selectable<Tables["usage_records"]>): LedgerRecord {
  return {
    id: String(row.id),
    operation_id: row.operation_id,
    created_at: row.created_at.toISOString(),
    project: row.project,
    key: row.key_id,
    user: row.user_name,
    endpoint: row.endpoint,
    stream: row.stream,
    // No client asks for the model "": it stands for what could not be read.
    requested_model: row.requested_model || null,
    served_model: row.served_model,
    provider: row.provider,
    outcome: row.outcome,
    usage: {
      prompt_tokens: row.prompt_tokens,
      cached_tokens: row.cached_tokens,
      cache_write_tokens: row.cache_write_tokens,
      completion_tokens: row.completion_tokens,
      reasoning_tokens: row.reasoning_tokens,
      images: row.images,
    },
    usage_source: row.usage_source,
    tokenizer: row.tokenizer,
    price_version: row.price_version,
    cost_nano_usd: row.cost_nano_usd === null ? null : Number(row.cost_nano_usd),
    attempts: row.attempts,
    ttft_ms: row.ttft_ms,
    latency_ms: row.latency_ms,
    gateway: row.gateway,
  };
}

function writeCursor({ createdAt, id }: Cursor): string {
  return Buffer.from(`${createdAt.getTime()} ${id}`).toString("base64url");
}

function readCursor(text: string): Cursor | null {
  const match = /^(\d{1,15}) (\d{1,18})$/.exec(Buffer.from(text, "base64url").toString());
  return match === null ? null : { createdAt: new Date(Number(match[1])), id: BigInt(match[2] as string) };
}
