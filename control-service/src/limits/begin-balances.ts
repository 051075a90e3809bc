import type { LimitSettings } from "@oneapi/contract";
import type { Transaction } from "kysely";
import type { Tables } from "../store/tables.ts";
import { isBalance, openBalances } from "./balances.ts";
import { configuredLimits } from "./configured-limits.ts";
import { gatewayLimits } from "./gateway-limits.ts";

/** Lets the balances of a key begin. */
export async function beginKeyBalances(
  transaction: Transaction<Tables>,
  { id, limits }: { id: string; limits: readonly LimitSettings[] },
  now: Date,
): Promise<void> {
  const balances = [...gatewayLimits("key", id, limits).values()].filter(isBalance);
  await openBalances(
    transaction,
    balances.map((limit) => limit.id),
    now,
  );
}

/** Lets every balance begin that is configured and has not. */
export async function beginBalances(transaction: Transaction<Tables>, now: Date): Promise<void> {
  const balances = (await configuredLimits(transaction)).filter(isBalance);
  await openBalances(
    transaction,
    balances.map((limit) => limit.id),
    now,
  );
}
