import { type Kysely, sql, type Transaction } from "kysely";
import type { Change } from "./changes.ts";
import type { Tables } from "./tables.ts";

/** The channel of LISTEN/NOTIFY; the payload is a {@link Change}. */
export const CHANGES_CHANNEL = "oneapi_changes";

/** How many revisions of `keys` stay in `key_changes`; who holds an older one must drop all it knows. */
export const KEPT_KEY_REVISIONS = 10_000n;

export async function currentRevision(database: Kysely<Tables>, name: Change): Promise<bigint> {
  const row = await database.selectFrom("revisions").select("value").where("name", "=", name).executeTakeFirstOrThrow();
  return row.value;
}

/**
 * Counts the revision up by one and tells every instance once the transaction has committed. The row stays locked
 * until then, so writers of one kind go one after the other: take it first to serialise a read and a write.
 */
export async function nextRevision(transaction: Transaction<Tables>, name: Change): Promise<bigint> {
  const row = await transaction
    .updateTable("revisions")
    .set((expression) => ({ value: expression("value", "+", 1n) }))
    .where("name", "=", name)
    .returning("value")
    .executeTakeFirstOrThrow();
  await sql`select pg_notify(${CHANGES_CHANNEL}, ${name})`.execute(transaction);
  return row.value;
}

/** Locks the revision without counting up: what follows in the transaction sees no other writer of this kind. */
export async function lockRevision(transaction: Transaction<Tables>, name: Change): Promise<bigint> {
  const row = await transaction
    .selectFrom("revisions")
    .select("value")
    .where("name", "=", name)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return row.value;
}

/** Writes down which keys changed at a revision of `keys`, and forgets what is too old to be asked for. */
export async function logKeyChanges(
  transaction: Transaction<Tables>,
  revision: bigint,
  hashes: Iterable<string>,
): Promise<void> {
  const unique = [...new Set(hashes)];
  if (unique.length > 0) {
    await sql`insert into key_changes (revision, hash)
              select ${revision}::bigint, unnest(${unique}::text[])`.execute(transaction);
  }
  await transaction
    .deleteFrom("key_changes")
    .where("revision", "<=", revision - KEPT_KEY_REVISIONS)
    .execute();
}

export interface KeyChanges {
  readonly revision: bigint;
  /** True when `since` is too old or from another database: everything known is stale. */
  readonly reset: boolean;
  readonly hashes: string[];
}

/** Which keys changed after the revision `since`. */
export async function keyChangesSince(database: Kysely<Tables>, since: bigint): Promise<KeyChanges> {
  const revision = await currentRevision(database, "keys");
  if (since === revision) return { revision, reset: false, hashes: [] };
  if (since < 0n || since > revision || since < revision - KEPT_KEY_REVISIONS) {
    return { revision, reset: true, hashes: [] };
  }
  const rows = await database
    .selectFrom("key_changes")
    .select("hash")
    .distinct()
    .where("revision", ">", since)
    .where("revision", "<=", revision)
    .execute();
  return { revision, reset: false, hashes: rows.map((row) => row.hash) };
}
