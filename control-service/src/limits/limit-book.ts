import { type CounterName, type GatewayLimit, type LimitSettings, parseCounterId } from "@oneapi/contract";
import { type Kysely, sql } from "kysely";
import type { Database } from "../store/database.ts";
import type { Tables } from "../store/tables.ts";
import { withEntries } from "./balances.ts";
import { gatewayLimits } from "./gateway-limits.ts";
import { splitModelName } from "./recorded-use.ts";

const MAX_KNOWN = 100_000;
/** Of one question: changes that follow each other must not keep it from its answer. */
const MOST_READS = 5;

/**
 * What each counter's limit is now: looked up once, read again when the database says that something changed. A counter
 * whose limit was taken away has none.
 */
export class LimitBook {
  readonly #database: Database;
  readonly #known = new Map<string, GatewayLimit | null>();
  /** Counts the refreshes, so that what was read before one is not kept after it. */
  #edition = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The limits of counters; those that have none are absent. */
  async find(counters: readonly string[]): Promise<Map<string, GatewayLimit>> {
    for (let reads = 1; ; reads++) {
      const missing = counters.filter((counter) => !this.#known.has(counter));
      const edition = this.#edition;
      const read = missing.length === 0 ? new Map() : await readLimits(this.#database.query, missing);
      // What a refresh has overtaken may be old, and of what is not kept no later change would be noticed.
      const kept = edition === this.#edition;
      if (kept) for (const counter of missing) this.#hold(counter, read.get(counter) ?? null);
      else if (reads < MOST_READS) continue;
      return new Map(
        counters.flatMap((counter): [string, GatewayLimit][] => {
          const limit = this.#known.get(counter) ?? read.get(counter);
          return limit === undefined ? [] : [[counter, limit]];
        }),
      );
    }
  }

  /** Reads again what it knows, and answers the limits whose amount is another now. */
  async refresh(): Promise<GatewayLimit[]> {
    this.#edition++;
    const before = new Map(this.#known);
    const now = await readLimits(this.#database.query, [...before.keys()]);
    this.#edition++;
    const changed: GatewayLimit[] = [];
    for (const [counter, old] of before) {
      const limit = now.get(counter) ?? null;
      this.#hold(counter, limit);
      if (limit !== null && limit.amount !== old?.amount) changed.push(limit);
    }
    return changed;
  }

  #hold(counter: string, limit: GatewayLimit | null): void {
    this.#known.delete(counter);
    this.#known.set(counter, limit);
    const oldest = this.#known.keys().next();
    if (this.#known.size > MAX_KNOWN && !oldest.done) this.#known.delete(oldest.value);
  }
}

/** The limits of counters as they are configured now, balances with what was paid into them. */
export async function readLimits(
  database: Kysely<Tables>,
  counters: readonly string[],
): Promise<Map<string, GatewayLimit>> {
  const names = counters.flatMap((counter) => parseCounterId(counter) ?? []);
  const bySubject = Map.groupBy(names, ({ subject }) => subject);
  const found = new Map<string, GatewayLimit>();
  for (const [subject, parts] of bySubject) {
    const owners = [...new Set(parts.map(({ name }) => name))];
    for (const [name, limits] of await readOwners(database, subject, owners)) {
      for (const [id, limit] of gatewayLimits(subject, name, limits)) found.set(id, limit);
    }
  }
  const wanted = counters.flatMap((counter) => found.get(counter) ?? []);
  return new Map((await withEntries(database, wanted)).map((limit) => [limit.id, limit]));
}

async function readOwners(
  database: Kysely<Tables>,
  subject: CounterName["subject"],
  names: readonly string[],
): Promise<[string, readonly LimitSettings[]][]> {
  if (subject === "key") {
    const keys = await database
      .selectFrom("keys")
      .select(["id", "limits"])
      .where("id", "=", sql<string>`any(${names}::text[])`)
      .where("revoked_at", "is", null)
      .execute();
    return keys.map(({ id, limits }) => [id, limits]);
  }
  if (subject === "model") {
    const parts = names.map((name) => [name, ...splitModelName(name)] as const);
    const models = await readNamed(
      database,
      "models",
      parts.map(([, , model]) => model),
    );
    const projects = await readNamed(
      database,
      "projects",
      parts.map(([, project]) => project),
    );
    return parts.flatMap(([name, project, model]) => {
      const limits = models.get(model);
      return limits !== undefined && projects.has(project) ? [[name, limits]] : [];
    });
  }
  return [...(await readNamed(database, `${subject}s`, names))];
}

async function readNamed(
  database: Kysely<Tables>,
  section: "models" | "projects" | "providers" | "users",
  names: readonly string[],
): Promise<Map<string, readonly LimitSettings[]>> {
  const rows = await database
    .selectFrom<"models" | "projects" | "providers" | "users">(section)
    .select(["name", "settings"])
    .where("name", "=", sql<string>`any(${names}::text[])`)
    .execute();
  return new Map(rows.map(({ name, settings }) => [name, settings.limits]));
}
