import { PGlite } from "@electric-sql/pglite";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { testStores } from "../testing.ts";
import type { Change } from "./changes.ts";
import type { Database } from "./database.ts";
import { type Migration, type MigrationSession, migrate, readMigrations } from "./migrations.ts";
import {
  currentRevision,
  KEPT_KEY_REVISIONS,
  keyChangesSince,
  lockRevision,
  logKeyChanges,
  nextRevision,
} from "./revisions.ts";

for (const store of testStores) {
  describe.skipIf(store.skip !== null)(`the store on ${store.name}`, () => {
    let database: Database;
    beforeAll(async () => {
      database = await store.open();
    });
    afterAll(() => database?.close());

    it("reads every type in the same shape", async () => {
      const result = await sql<Record<string, unknown>>`
        select 9007199254740993::bigint as big, 1.50::numeric as exact, '{"a":[1]}'::jsonb as json,
               timestamptz '2026-01-02 03:04:05.678Z' as instant, true as flag, 7::integer as small, null::text as nothing
      `.execute(database.query);
      expect(result.rows[0]).toEqual({
        big: 9007199254740993n,
        exact: "1.50",
        json: { a: [1] },
        instant: new Date("2026-01-02T03:04:05.678Z"),
        flag: true,
        small: 7,
        nothing: null,
      });
    });

    it("tells of a change once it has committed, and not of one that was rolled back", async () => {
      const heard: Change[] = [];
      const unsubscribe = database.changes.subscribe((change) => heard.push(change));
      const before = await currentRevision(database.query, "config");
      const failed = database.query.transaction().execute(async (transaction) => {
        await nextRevision(transaction, "config");
        throw new Error("on purpose");
      });
      await expect(failed).rejects.toThrow("on purpose");
      expect(await currentRevision(database.query, "config")).toBe(before);
      await database.query.transaction().execute((transaction) => nextRevision(transaction, "keys"));
      await expect.poll(() => heard, { timeout: 5000 }).toEqual(["keys"]);
      unsubscribe();
    });

    it("counts without a gap when many write at once", async () => {
      const before = await currentRevision(database.query, "config");
      const revisions = await Promise.all(
        Array.from({ length: 20 }, () =>
          database.query.transaction().execute(async (transaction) => {
            const locked = await lockRevision(transaction, "config");
            const next = await nextRevision(transaction, "config");
            expect(next).toBe(locked + 1n);
            return next;
          }),
        ),
      );
      const expected = Array.from({ length: 20 }, (_, index) => before + BigInt(index) + 1n);
      expect(revisions.toSorted((a, b) => Number(a - b))).toEqual(expected);
    });

    describe("the log of changed keys", () => {
      let start: bigint;
      const log = (...hashes: string[]) =>
        database.query.transaction().execute(async (transaction) => {
          const revision = await nextRevision(transaction, "keys");
          await logKeyChanges(transaction, revision, hashes);
          return revision;
        });
      beforeEach(async () => {
        start = await currentRevision(database.query, "keys");
      });

      it("answers what changed after a revision, each key once", async () => {
        await log("a", "b", "a");
        const second = await log("b", "c");
        const { hashes, ...rest } = await keyChangesSince(database.query, start);
        expect(rest).toEqual({ revision: second, reset: false });
        expect(hashes.toSorted()).toEqual(["a", "b", "c"]);
        expect((await keyChangesSince(database.query, second - 1n)).hashes.toSorted()).toEqual(["b", "c"]);
        expect(await keyChangesSince(database.query, second)).toEqual({ revision: second, reset: false, hashes: [] });
      });

      it("tells who holds nothing, or something from another database, to drop all", async () => {
        const revision = await log("a");
        expect(await keyChangesSince(database.query, -1n)).toEqual({ revision, reset: true, hashes: [] });
        expect(await keyChangesSince(database.query, revision + 5n)).toEqual({ revision, reset: true, hashes: [] });
      });

      it("forgets what is too old, and then tells its holder to drop all", async () => {
        await log("old");
        await sql`update revisions set value = value + ${KEPT_KEY_REVISIONS} where name = 'keys'`.execute(
          database.query,
        );
        await log("new");
        const kept = await database.query.selectFrom("key_changes").select("hash").execute();
        expect(kept).toEqual([{ hash: "new" }]);
        expect((await keyChangesSince(database.query, start)).reset).toBe(true);
      });
    });
  });
}

describe("migrations", () => {
  const session = (pglite: PGlite): MigrationSession => ({
    script: async (text) => {
      await pglite.exec(text);
    },
    rows: async (text) => (await pglite.query<Record<string, unknown>>(text)).rows,
  });
  const made = (name: string, text: string): Migration => ({ name, text, checksum: `sum of ${text}` });
  const first = made("0001_first.sql", "create table a (x integer); insert into a values (1);");
  const second = made("0002_second.sql", "insert into a values (2);");
  let pglite: PGlite;
  beforeEach(async () => {
    pglite = await PGlite.create();
    return () => pglite.close();
  });

  it("run in order, each once", async () => {
    expect(await migrate(session(pglite), [first])).toEqual(["0001_first.sql"]);
    expect(await migrate(session(pglite), [first, second])).toEqual(["0002_second.sql"]);
    expect(await migrate(session(pglite), [first, second])).toEqual([]);
    expect((await pglite.query("select x from a order by x")).rows).toEqual([{ x: 1 }, { x: 2 }]);
  });

  it("leave nothing behind when one fails", async () => {
    const broken = made("0002_broken.sql", "insert into a values (2); insert into nowhere values (1);");
    await expect(migrate(session(pglite), [first, broken])).rejects.toThrow(/nowhere/);
    await expect(pglite.query("select x from a")).rejects.toThrow(/does not exist/);
    expect(await migrate(session(pglite), [first])).toEqual(["0001_first.sql"]);
  });

  it("refuse a file that changed after it ran, and a database from the future", async () => {
    await migrate(session(pglite), [first, second]);
    const changed = made(second.name, "insert into a values (3);");
    await expect(migrate(session(pglite), [first, changed])).rejects.toThrow(/0002_second\.sql has changed/);
    await expect(migrate(session(pglite), [first])).rejects.toThrow(/newer version: it has the migration 0002_second/);
  });

  it("are numbered without gaps", () => {
    const numbers = readMigrations().map(({ name }) => Number(name.slice(0, 4)));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    expect(numbers.length).toBeGreaterThan(0);
  });
});
