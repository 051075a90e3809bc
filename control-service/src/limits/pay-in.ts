import { type GatewayLimit, nanoUsd, parseCounterId, usdSchema } from "@oneapi/contract";
import type { Kysely, Selectable, Transaction } from "kysely";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import { logKeyChanges, nextRevision } from "../store/revisions.ts";
import type { Tables } from "../store/tables.ts";

const LARGEST_USD = 9_000_000;
const AMOUNT_MESSAGE = `must be an amount of USD from -${LARGEST_USD} to ${LARGEST_USD} with at most 9 decimals, and not 0`;

/** An amount of USD that may be below zero: text or number, kept as text. */
const signedUsd = z.union([z.number(), z.string()], { error: AMOUNT_MESSAGE }).transform((given, context) => {
  const text = String(given);
  const parsed = usdSchema.safeParse(typeof given === "number" ? Math.abs(given) : text.replace(/^-/, ""));
  const nano = parsed.success ? nanoUsd(parsed.data) : 0n;
  if (nano > 0n && nano <= nanoUsd(String(LARGEST_USD))) return text.startsWith("-") ? -nano : nano;
  context.issues.push({ code: "custom", message: AMOUNT_MESSAGE, input: given });
  return z.NEVER;
});

/** The body of `POST /admin/v1/limits/{id}/entries`. */
export const newEntrySchema = z.strictObject(
  {
    amount_usd: signedUsd,
    reason: z
      .string({ error: "must be a text" })
      .min(1, { error: "must not be empty" })
      .max(1024, { error: "must have at most 1024 characters" }),
    /** Whose hand it was: callers act for people whom the service does not know. */
    author: z
      .string({ error: "must be a text" })
      .min(1, { error: "must not be empty" })
      .max(256, { error: "must have at most 256 characters" })
      .default("admin"),
  },
  { error: "must be an entry of a balance" },
);

export type EntryRow = Selectable<Tables["balance_entries"]>;

/** Writes an entry of a balance, and lets every gateway hear of the new amount. */
export async function payIn(
  transaction: Transaction<Tables>,
  clock: Clock,
  limit: GatewayLimit,
  entry: z.output<typeof newEntrySchema>,
): Promise<EntryRow> {
  const row = await transaction
    .insertInto("balance_entries")
    .values({
      counter: limit.id,
      created_at: new Date(clock.now()),
      author: entry.author,
      reason: entry.reason,
      amount_nano_usd: entry.amount_usd,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await tellGateways(transaction, limit.id);
  return row;
}

/** Gateways hold the amounts of keys, users and projects with the keys, those of providers with the configuration. */
async function tellGateways(transaction: Transaction<Tables>, counter: string): Promise<void> {
  const name = parseCounterId(counter);
  if (name?.subject === "model" || name?.subject === "provider") {
    await nextRevision(transaction, "config");
    return;
  }
  const column = name?.subject === "key" ? "id" : name?.subject === "user" ? "user_name" : "project";
  const keys = await transaction
    .selectFrom("keys")
    .select("hash")
    .where(column, "=", name?.name ?? "")
    .where("revoked_at", "is", null)
    .execute();
  const hashes = keys.map(({ hash }) => hash);
  await logKeyChanges(transaction, await nextRevision(transaction, "keys"), hashes);
}

/** The entries of a balance, newest first, before the position of a cursor. */
export async function listEntries(
  database: Kysely<Tables>,
  counter: string,
  { before, limit }: { before: bigint | null; limit: number },
): Promise<EntryRow[]> {
  return database
    .selectFrom("balance_entries")
    .selectAll()
    .where("counter", "=", counter)
    .$if(before !== null, (query) => query.where("id", "<", before as bigint))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}
