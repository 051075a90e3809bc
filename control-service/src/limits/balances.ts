import { type GatewayLimit, type LimitSettings, parseCounterId } from "@oneapi/contract";
import { type Kysely, sql } from "kysely";
import type { Tables } from "../store/tables.ts";
import { holderOf } from "./lost-holders.ts";
import { recordsOf } from "./recorded-use.ts";

/** A gateway process that has sent no record for so long counts with those that are gone. */
const GONE_MS = 24 * 3_600_000;

/** A prepaid balance is a limit of spend that no window brings back. */
export function isBalance({ metric, window }: Pick<GatewayLimit, "metric" | "window">): boolean {
  return metric === "spend" && window === "none";
}

/** Whether a subject's limits, as they are configured, have a balance among them. */
export function hasBalance(limits: readonly LimitSettings[]): boolean {
  return limits.some((limit) => limit.metric === "spend" && limit.window === "none");
}

/** The sum of each balance's entries in nano-USD; those without any are absent. */
export async function entrySums(database: Kysely<Tables>, counters: readonly string[]): Promise<Map<string, bigint>> {
  if (counters.length === 0) return new Map();
  const rows = await database
    .selectFrom("balance_entries")
    .select(["counter", sql<string>`sum(amount_nano_usd)::text`.as("sum")])
    .where("counter", "=", sql<string>`any(${counters}::text[])`)
    .groupBy("counter")
    .execute();
  return new Map(rows.map(({ counter, sum }) => [counter, BigInt(sum)]));
}

/** The limits with what was paid into the balances among them; a balance below zero is one of 0. */
export async function withEntries<Limit extends GatewayLimit>(
  database: Kysely<Tables>,
  limits: readonly Limit[],
): Promise<Limit[]> {
  const sums = await entrySums(
    database,
    limits.filter(isBalance).map(({ id }) => id),
  );
  return limits.map((limit) => {
    const sum = sums.get(limit.id);
    if (sum === undefined) return limit;
    const amount = Number(BigInt(limit.amount) + sum);
    return { ...limit, amount: Math.min(Math.max(amount, 0), Number.MAX_SAFE_INTEGER) };
  });
}

/** Lets balances begin now, before any gateway hears of them; those that have begun stay as they are. */
export async function openBalances(database: Kysely<Tables>, counters: readonly string[], now: Date): Promise<void> {
  if (counters.length === 0) return;
  await sql`insert into balances (counter, opened_at)
            select unnest(${counters}::text[]), ${now}::timestamptz
            on conflict do nothing`.execute(database);
}

/** What the ledger says was spent of a balance since it began, in nano-USD. */
export async function recordedSpend(database: Kysely<Tables>, counter: string): Promise<bigint> {
  const row = await paidFrom(database, counter)
    .select(sql<string>`coalesce(sum(cost_nano_usd), 0)::text`.as("spent"))
    .executeTakeFirstOrThrow();
  return BigInt(row.spent);
}

/** The same by holder: each gateway process of the last day, and "" for all others. */
export async function recordedShares(
  database: Kysely<Tables>,
  counter: string,
  now: number,
): Promise<Map<string, number>> {
  const rows = await paidFrom(database, counter)
    .select(["gateway", "epoch", sql<string>`coalesce(sum(cost_nano_usd), 0)::text`.as("spent")])
    .select(sql<Date>`max(usage_records.received_at)`.as("last"))
    .groupBy(["gateway", "epoch"])
    .execute();
  const shares = new Map<string, number>();
  for (const { gateway, epoch, spent, last } of rows) {
    const holder = last.getTime() < now - GONE_MS ? "" : holderOf({ node: gateway, epoch });
    shares.set(holder, (shares.get(holder) ?? 0) + Number(spent));
  }
  return shares;
}

function paidFrom(database: Kysely<Tables>, counter: string) {
  const name = parseCounterId(counter);
  if (name === null) throw new RangeError(`not a counter: ${counter}`);
  return recordsOf(database, name)
    .innerJoin("balances", (join) => join.on("balances.counter", "=", counter))
    .whereRef("usage_records.created_at", ">=", "balances.opened_at");
}
