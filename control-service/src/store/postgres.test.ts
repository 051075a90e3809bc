import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testStores } from "../testing.ts";
import type { Change } from "./changes.ts";
import type { Database } from "./database.ts";
import { nextRevision } from "./revisions.ts";

const store = testStores.find(({ name }) => name.startsWith("PostgreSQL")) as (typeof testStores)[number];

describe.skipIf(store.skip !== null)(`what only servers do: ${store.name}`, () => {
  let database: Database;
  beforeAll(async () => {
    database = await store.open();
  });
  afterAll(() => database?.close());

  it("listens again after its connections were cut, and says that anything may have changed", async () => {
    const heard: Change[] = [];
    database.changes.subscribe((change) => heard.push(change));
    const cut = sql`select pg_terminate_backend(pid) from pg_stat_activity
                    where datname = current_database() and pid != pg_backend_pid()`;
    await cut.execute(database.query);
    await expect.poll(() => heard.toSorted(), { timeout: 10_000 }).toEqual(["config", "keys"]);
    await database.query.transaction().execute((transaction) => nextRevision(transaction, "keys"));
    await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(3);
    expect(heard.at(-1)).toBe("keys");
  });
});
