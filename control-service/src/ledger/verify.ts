import { UNPRICED } from "@oneapi/contract";
import type { Kysely } from "kysely";
import type { Tables } from "../store/tables.ts";
import { readPrice } from "./price-rows.ts";
import { cost, type Price } from "./pricing.ts";

/** A record whose cost is not what its usage and its price make. */
export interface Discrepancy {
  readonly operation_id: string;
  readonly reason: string;
  /** Nano-USD as decimal text, like `computed`; null for none. */
  readonly stored: string | null;
  readonly computed: string | null;
}

export interface Verification {
  readonly checked: number;
  readonly unpriced: number;
  /** Sum of all stored costs in nano-USD, as decimal text. */
  readonly total_nano_usd: string;
  /** How many records are wrong; `discrepancies` shows the first of them. */
  readonly wrong: number;
  readonly discrepancies: readonly Discrepancy[];
}

const PAGE = 5000;
const MAX_SHOWN = 100;

/** Computes every bill again from what is stored: the usage of each record and the price row that it names. */
export async function verifyLedger(database: Kysely<Tables>): Promise<Verification> {
  const prices = await readPrices(database);
  const discrepancies: Discrepancy[] = [];
  let checked = 0;
  let unpriced = 0;
  let wrong = 0;
  let total = 0n;
  let after = 0n;
  for (;;) {
    const rows = await database
      .selectFrom("usage_records")
      .select([
        "id",
        "operation_id",
        "price_version",
        "cost_nano_usd",
        "prompt_tokens",
        "cached_tokens",
        "cache_write_tokens",
        "completion_tokens",
        "reasoning_tokens",
        "images",
      ])
      .where("id", ">", after)
      .orderBy("id")
      .limit(PAGE)
      .execute();
    for (const row of rows) {
      checked++;
      if (row.price_version === UNPRICED) unpriced++;
      total += row.cost_nano_usd ?? 0n;
      const found = prices.get(row.price_version);
      const computed = found === undefined ? null : cost(row, found.rates);
      const missing = found === undefined && row.price_version !== UNPRICED;
      if (!missing && computed === row.cost_nano_usd) continue;
      wrong++;
      if (discrepancies.length >= MAX_SHOWN) continue;
      discrepancies.push({
        operation_id: row.operation_id,
        reason: missing ? `the price ${row.price_version} is missing or was changed` : "the cost is another",
        stored: row.cost_nano_usd?.toString() ?? null,
        computed: computed?.toString() ?? null,
      });
    }
    const last = rows.at(-1);
    if (last === undefined) return { checked, unpriced, total_nano_usd: total.toString(), wrong, discrepancies };
    after = last.id;
  }
}

/** The prices by version. A version is a hash of the rates, so a row whose rates were changed does not count. */
async function readPrices(database: Kysely<Tables>): Promise<Map<string, Price>> {
  const rows = await database.selectFrom("prices").selectAll().execute();
  const prices = new Map<string, Price>();
  for (const row of rows) {
    const computed = readPrice(row);
    if (computed.version === row.version) prices.set(row.version, computed);
  }
  return prices;
}
