import type { CounterName } from "@oneapi/contract";
import { type Kysely, sql } from "kysely";
import type { Source } from "../ledger/source.ts";
import type { Tables } from "../store/tables.ts";
import type { Period } from "./windows.ts";

/** The usage records that a counter counts, of all times. */
export function recordsOf(database: Kysely<Tables>, { subject, name }: CounterName) {
  const records = database.selectFrom("usage_records");
  if (subject === "key") return records.where("key_id", "=", name);
  if (subject === "user") return records.where("user_name", "=", name);
  if (subject === "project") return records.where("project", "=", name);
  if (subject === "provider") return records.where("provider", "=", name);
  const [project, model] = splitModelName(name);
  return records.where("project", "=", project).where("requested_model", "=", model);
}

/** The project and the model of a model's counter; a project's name has no slash, a model's may. */
export function splitModelName(name: string): [project: string, model: string] {
  const slash = name.indexOf("/");
  return [name.slice(0, slash), name.slice(slash + 1)];
}

/** What a gateway process used in a window as far as its records say, in the counter's units. */
export async function recordedUse(
  database: Kysely<Tables>,
  counter: CounterName,
  { node, epoch }: Source,
  { start, end }: Period,
): Promise<number> {
  if (counter.metric === "concurrency") return 0;
  const units = {
    // An operation that was refused before any attempt does not count. Of a provisional one attempts are not known.
    requests: sql<string>`count(*) filter (where provisional or json_array_length(attempts) > 0)::text`,
    tokens: sql<string>`coalesce(sum(prompt_tokens::int8 + completion_tokens), 0)::text`,
    spend: sql<string>`coalesce(sum(cost_nano_usd), 0)::text`,
  }[counter.metric];
  const row = await recordsOf(database, counter)
    .where("gateway", "=", node)
    .where("epoch", "=", epoch)
    .where("created_at", ">=", new Date(start))
    .$if(end !== null, (query) => query.where("created_at", "<", new Date(end as number)))
    .select(units.as("used"))
    .executeTakeFirstOrThrow();
  return Number(row.used);
}
