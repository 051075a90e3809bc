import { isExternalReference } from "@oneapi/contract";
import { sql, type Transaction } from "kysely";
import { makeKeyId } from "../keys/secret.ts";
import type { Tables } from "../store/tables.ts";
import { differs } from "./diff.ts";
import type { ConfigKey, ConfigState } from "./state.ts";
import type { StoredState } from "./stored-state.ts";

interface Write {
  readonly transaction: Transaction<Tables>;
  /** Of `keys`; rows that do not change keep theirs. */
  readonly revision: bigint;
  readonly now: Date;
  readonly stored: StoredState;
  readonly state: ConfigState;
}

/** Writes the keys of oneapi.yaml and answers the hashes whose policy changed by it, old and new ones. */
export async function writeKeys(write: Write): Promise<string[]> {
  const { stored, state } = write;
  const labels = new Set([...stored.keys.keys(), ...state.keys.keys()]);
  const changed = new Set([...labels].filter((label) => differs(stored.keys.get(label), state.keys.get(label))));
  await revokeUnnamed(write);
  await freeHashes(write, changed);
  for (const [position, [label, key]] of [...state.keys].entries()) {
    if (changed.has(label)) await upsertKey(write, label, key, position);
  }
  await reorder(write);
  const orphaned = await disableOrphans(write);
  const own = [...changed].flatMap((label) => [
    stored.keyRows.get(label)?.hash,
    state.keys.get(label)?.secret.identity,
  ]);
  return [...own.filter((hash) => hash !== undefined), ...orphaned];
}

/** A key that is no longer named ends for good; named again, it is another key. */
async function revokeUnnamed({ transaction, stored, state, revision, now }: Write): Promise<void> {
  const gone = [...stored.keyRows].filter(([label]) => !state.keys.has(label)).map(([, { id }]) => id);
  await transaction
    .updateTable("keys")
    .set({ revoked_at: sql`coalesce(revoked_at, ${now})`, position: null, revision, updated_at: now })
    .where("id", "=", sql<string>`any(${gone}::text[])`)
    .execute();
}

/** Two keys may swap their secrets, so no hash that goes away may stand in the way of one that comes. */
async function freeHashes({ transaction, stored }: Write, changed: ReadonlySet<string>): Promise<void> {
  const ids = [...changed].flatMap((label) => stored.keyRows.get(label)?.id ?? []);
  await transaction
    .updateTable("keys")
    .set({ hash: sql`'changing:' || id` })
    .where("id", "=", sql<string>`any(${ids}::text[])`)
    .where("revoked_at", "is", null)
    .execute();
}

async function upsertKey(write: Write, label: string, key: ConfigKey, position: number): Promise<void> {
  const { transaction, stored, revision, now } = write;
  const row = stored.keyRows.get(label);
  const isNewSecret = row?.hash !== key.secret.identity;
  const columns = {
    hash: key.secret.identity,
    project: key.project,
    models: key.models === null ? null : JSON.stringify(key.models),
    allowed_ips: JSON.stringify(key.allowed_ips),
    limits: JSON.stringify(key.limits),
    expires_at: key.expires === null ? null : new Date(key.expires),
    reference: isExternalReference(key.secret.shown) ? key.secret.shown : null,
    position,
    revision,
    updated_at: now,
    ...(isNewSecret && { revoked_at: null }),
  };
  if (row) {
    await transaction.updateTable("keys").set(columns).where("id", "=", row.id).execute();
    return;
  }
  await transaction
    .insertInto("keys")
    .values({ ...columns, id: makeKeyId(), name: key.name, user_name: key.user, origin: "config", created_at: now })
    .execute();
}

/** The places in the file of the keys that were there before; the others were inserted at theirs. */
async function reorder({ transaction, stored, state }: Write): Promise<void> {
  const places = [...state.keys.keys()].map((label, position) => ({ id: stored.keyRows.get(label)?.id, position }));
  const kept = places.filter(({ id }) => id !== undefined);
  await sql`update keys set position = place.position
            from unnest(${kept.map(({ id }) => id)}::text[], ${kept.map(({ position }) => position)}::integer[])
              as place (id, position)
            where keys.id = place.id and keys.position != place.position`.execute(transaction);
}

/** Keys made by REST do not come back to life when a project or user of the same name is made later. */
async function disableOrphans({ transaction, revision, now }: Write): Promise<string[]> {
  const rows = await transaction
    .updateTable("keys")
    .set({ disabled: true, revision, updated_at: now })
    .where("disabled", "=", false)
    .where("revoked_at", "is", null)
    .where((where) =>
      where.or([
        where.not(where.exists(where.selectFrom("projects").select("name").whereRef("name", "=", "keys.project"))),
        where.and([
          where("user_name", "is not", null),
          where.not(where.exists(where.selectFrom("users").select("name").whereRef("name", "=", "keys.user_name"))),
        ]),
      ]),
    )
    .returning("hash")
    .execute();
  return rows.map((row) => row.hash);
}
