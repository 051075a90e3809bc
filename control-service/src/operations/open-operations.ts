import type { OpenOperation } from "@oneapi/contract";
import { type Kysely, sql } from "kysely";
import type { Source } from "../ledger/source.ts";
import type { Tables } from "../store/tables.ts";
import type { OpenOperationsTable } from "./tables.ts";

/**
 * Puts operations in store, in one transaction. One that is there, or whose record is, stays as it is: the same message
 * twice changes nothing.
 */
export async function openOperations(
  database: Kysely<Tables>,
  { node, epoch }: Source,
  operations: readonly OpenOperation[],
  now: Date,
): Promise<void> {
  const rows = JSON.stringify(
    operations.map((operation) => ({
      ...operation,
      created_at: new Date(operation.created_at_ms).toISOString(),
      requested_model: operation.requested_model.replaceAll("\0", "\ufffd"),
    })),
  );
  await sql`
    with heard as (
      insert into operation_sources (node, epoch, heard_at) values (${node}, ${epoch}, ${now})
      on conflict (node, epoch) do update set heard_at = greatest(operation_sources.heard_at, excluded.heard_at)
    )
    insert into open_operations (operation_id, node, epoch, created_at, key_id, project, user_name, endpoint, stream,
                                 requested_model, served_model, provider, prompt_tokens)
    select given.operation_id, ${node}, ${epoch}, given.created_at, given.key, given.project, given."user", given.endpoint,
           given.stream, given.requested_model, given.served_model, given.provider, given.prompt_tokens
    from json_to_recordset(${rows}::json) as given (
      operation_id text, created_at timestamptz, key text, project text, "user" text, endpoint text, stream boolean,
      requested_model text, served_model text, provider text, prompt_tokens integer
    )
    where not exists (select from usage_records where usage_records.operation_id = given.operation_id)
    on conflict (operation_id) do nothing
  `.execute(database);
}

/** Notes that gateway processes were heard of; those that never opened an operation are passed over. */
export async function heardOf(database: Kysely<Tables>, sources: readonly Source[], now: Date): Promise<void> {
  if (sources.length === 0) return;
  await sql`
    update operation_sources set heard_at = greatest(heard_at, ${now})
    from unnest(${sources.map(({ node }) => node)}::text[], ${sources.map(({ epoch }) => epoch)}::text[])
      as alive (node, epoch)
    where operation_sources.node = alive.node and operation_sources.epoch = alive.epoch
  `.execute(database);
}

/** Operations in store whose gateway process was not heard of since `before`, oldest first. */
export async function abandonedOperations(
  database: Kysely<Tables>,
  before: Date,
  limit: number,
): Promise<OpenOperationsTable[]> {
  return await database
    .selectFrom("open_operations")
    .innerJoin("operation_sources", (join) =>
      join
        .onRef("operation_sources.node", "=", "open_operations.node")
        .onRef("operation_sources.epoch", "=", "open_operations.epoch"),
    )
    .selectAll("open_operations")
    .where("operation_sources.heard_at", "<", before)
    .orderBy("open_operations.node")
    .orderBy("open_operations.epoch")
    .orderBy("open_operations.created_at")
    .limit(limit)
    .execute();
}

/** Forgets gateway processes that were not heard of since `before` and have no operation in store. */
export async function forgetSources(database: Kysely<Tables>, before: Date): Promise<void> {
  await sql`
    delete from operation_sources where heard_at < ${before} and not exists (
      select from open_operations
      where open_operations.node = operation_sources.node and open_operations.epoch = operation_sources.epoch
    )
  `.execute(database);
}
