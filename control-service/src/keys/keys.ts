import { type KeyPatch, keyPatchSchema, type NewKey } from "@oneapi/contract";
import type { Kysely, Selectable, Transaction, Updateable } from "kysely";
import { beginKeyBalances } from "../limits/begin-balances.ts";
import { Problem } from "../problem.ts";
import type { Services } from "../services.ts";
import { logKeyChanges, nextRevision } from "../store/revisions.ts";
import type { KeysTable, Tables } from "../store/tables.ts";
import { hashSecret, makeKeyId, makeSecret } from "./secret.ts";

export type KeyRow = Selectable<KeysTable>;

/** A key as `/admin/v1` shows it: everything but its secret. */
export function presentKey(row: KeyRow, now: number) {
  return {
    id: row.id,
    name: row.name,
    project: row.project,
    user: row.user_name,
    models: row.models,
    allowed_ips: row.allowed_ips,
    limits: row.limits,
    expires: row.expires_at,
    disabled: row.disabled || row.revoked_at !== null,
    status: statusOf(row, now),
    origin: row.origin,
    created_at: row.created_at,
    updated_at: row.updated_at,
    revoked_at: row.revoked_at,
  };
}

/** Of the key alone: its project or user may be disabled beside. */
function statusOf(row: KeyRow, now: number): "active" | "disabled" | "expired" | "revoked" {
  if (row.revoked_at !== null) return "revoked";
  if (row.disabled) return "disabled";
  return row.expires_at !== null && row.expires_at.getTime() <= now ? "expired" : "active";
}

/** @throws {Problem} 404 */
export async function findKey(database: Kysely<Tables>, id: string): Promise<KeyRow> {
  const row = await database.selectFrom("keys").selectAll().where("id", "=", id).executeTakeFirst();
  if (!row) throw new Problem(404, `there is no key ${JSON.stringify(id)}`);
  return row;
}

export interface KeyFilter {
  readonly project?: string | undefined;
  readonly user?: string | undefined;
}

/** Keys that are not revoked, newest first, before the position of a cursor. */
export async function listKeys(
  database: Kysely<Tables>,
  { project, user }: KeyFilter,
  { before, limit }: { before: bigint | null; limit: number },
): Promise<KeyRow[]> {
  return database
    .selectFrom("keys")
    .selectAll()
    .where("revoked_at", "is", null)
    .$if(project !== undefined, (query) => query.where("project", "=", project as string))
    .$if(user !== undefined, (query) => query.where("user_name", "=", user as string))
    .$if(before !== null, (query) => query.where("sequence", "<", before as bigint))
    .orderBy("sequence", "desc")
    .limit(limit)
    .execute();
}

/**
 * Makes a key and its secret, which is not stored and cannot be had again.
 *
 * @throws {Problem} 400 naming what does not exist.
 */
export async function createKey(
  transaction: Transaction<Tables>,
  services: Services,
  key: NewKey,
): Promise<{ row: KeyRow; secret: string }> {
  await checkOwners(transaction, key);
  const revision = await nextRevision(transaction, "keys");
  const secret = makeSecret();
  const now = new Date(services.clock.now());
  const row = await transaction
    .insertInto("keys")
    .values({
      id: makeKeyId(),
      hash: hashSecret(secret),
      name: key.name,
      project: key.project,
      user_name: key.user ?? null,
      models: key.models ? JSON.stringify(key.models) : null,
      allowed_ips: JSON.stringify(key.allowed_ips ?? []),
      limits: JSON.stringify(key.limits),
      expires_at: key.expires ? new Date(key.expires) : null,
      origin: "rest",
      revision,
      created_at: now,
      updated_at: now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  // A gateway that was asked for this secret before it existed holds it as unknown.
  await logKeyChanges(transaction, revision, [row.hash]);
  await beginKeyBalances(transaction, row, now);
  return { row, secret };
}

async function checkOwners(transaction: Transaction<Tables>, { project, user }: NewKey): Promise<void> {
  const found = await transaction.selectFrom("projects").select("name").where("name", "=", project).executeTakeFirst();
  const errors = found ? [] : [{ path: "project", message: `there is no project ${JSON.stringify(project)}` }];
  if (user) {
    const owner = await transaction.selectFrom("users").select("settings").where("name", "=", user).executeTakeFirst();
    if (!owner) errors.push({ path: "user", message: `there is no user ${JSON.stringify(user)}` });
    else if (!owner.settings.projects.includes(project)) {
      errors.push({ path: "user", message: `is not in the project ${JSON.stringify(project)}` });
    }
  }
  if (errors.length > 0) throw new Problem(400, "the key is not valid", { errors });
}

/** What oneapi.yaml says of its own keys is not changed behind its back; whether they are disabled is not its matter. */
const FIELDS_OF_CONFIG = Object.keys(keyPatchSchema.shape).filter((field) => field !== "disabled");

/** @throws {Problem} 409 for a revoked key, and for a field that oneapi.yaml decides. */
export async function changeKey(
  transaction: Transaction<Tables>,
  services: Services,
  before: KeyRow,
  patch: KeyPatch,
): Promise<KeyRow> {
  if (before.revoked_at) throw new Problem(409, "the key is revoked");
  if (before.origin === "config" && FIELDS_OF_CONFIG.some((field) => patch[field as keyof KeyPatch] !== undefined)) {
    throw new Problem(409, "the key comes from oneapi.yaml: only `disabled` can be changed here");
  }
  return updateKey(transaction, services, before, {
    ...(patch.disabled !== undefined && { disabled: patch.disabled }),
    ...(patch.name !== undefined && { name: patch.name }),
    ...(patch.models !== undefined && { models: patch.models && JSON.stringify(patch.models) }),
    ...(patch.allowed_ips !== undefined && { allowed_ips: JSON.stringify(patch.allowed_ips ?? []) }),
    ...(patch.limits !== undefined && { limits: JSON.stringify(patch.limits) }),
    ...(patch.expires !== undefined && { expires_at: patch.expires === null ? null : new Date(patch.expires) }),
  });
}

/** Ends a key for good; a second time changes nothing. */
export async function revokeKey(transaction: Transaction<Tables>, services: Services, before: KeyRow): Promise<void> {
  if (before.revoked_at) return;
  await updateKey(transaction, services, before, { revoked_at: new Date(services.clock.now()) });
}

async function updateKey(
  transaction: Transaction<Tables>,
  services: Services,
  { id, hash }: KeyRow,
  columns: Updateable<KeysTable>,
): Promise<KeyRow> {
  const revision = await nextRevision(transaction, "keys");
  await logKeyChanges(transaction, revision, [hash]);
  const now = new Date(services.clock.now());
  const row = await transaction
    .updateTable("keys")
    .set({ ...columns, revision, updated_at: now })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await beginKeyBalances(transaction, row, now);
  return row;
}
