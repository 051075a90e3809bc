import { type CounterName, counterId, type LeaseClaim, parseCounterId, usageRecordSchema } from "@oneapi/contract";
import type { Kysely } from "kysely";
import type { Source } from "../ledger/source.ts";
import type { Tables } from "../store/tables.ts";
import { isBalance } from "./balances.ts";
import type { LimitBook } from "./limit-book.ts";
import { recordedUse } from "./recorded-use.ts";
import { windowAt } from "./windows.ts";

const subjectsSchema = usageRecordSchema.pick({
  ...{ key: true, user: true, project: true, provider: true, requested_model: true },
});

/**
 * What a gateway process that is gone has used of the balances that these records of it count for, as far as its records
 * say: its share of them may have ended before these came.
 */
export async function lateClaims(
  database: Kysely<Tables>,
  book: LimitBook,
  source: Source,
  records: readonly unknown[],
): Promise<LeaseClaim[]> {
  const ids = new Set(records.flatMap(balancesOf));
  const limits = [...(await book.find([...ids])).values()].filter(isBalance);
  return await Promise.all(
    limits.map(async ({ id }) => {
      const spent = await recordedUse(database, parseCounterId(id) as CounterName, source, windowAt("none", 0));
      return { id, window: 0, spent, reserved: 0, need: 0, keep: 0 };
    }),
  );
}

/** The balances that a record may count for, whether there are any or not. */
function balancesOf(record: unknown): string[] {
  const { data } = subjectsSchema.safeParse(record);
  if (data === undefined) return [];
  const { key, user, project, provider, requested_model } = data;
  const names: [CounterName["subject"], string | null][] = [
    ["key", key],
    ["user", user],
    ["project", project],
    ["provider", provider],
    ["model", requested_model && `${project}/${requested_model}`],
  ];
  return names.flatMap(([subject, name]) =>
    name ? [counterId({ subject, name, metric: "spend", window: "none" })] : [],
  );
}
