import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AdminCall, testStores } from "../testing.ts";
import { type AdminBench, EMPTY, ENVIRONMENT, openBench, WHOLE } from "./testing.ts";

const SECRETS = ["sk-ant-literal-0000", "sk-ant-from-the-environment", "ci-key-from-the-environment", "a-literal-key"];

for (const store of testStores) {
  describe.skipIf(store.skip !== null)(`secrets of /admin/v1/config on ${store.name}`, () => {
    let bench: AdminBench;
    const call: AdminCall = (...request) => bench.call(...request);
    const apply = (config: unknown) => bench.apply(config);

    beforeAll(async () => {
      bench = await openBench(store);
    });
    afterAll(() => bench?.close());
    beforeEach(async () => {
      Object.assign(bench.environment, ENVIRONMENT);
      await apply(EMPTY);
    });

    it("are read where they are referred to, and a new value is a change", async () => {
      await apply(WHOLE);
      bench.environment.CLAUDE_KEY = "sk-ant-rotated";
      expect((await apply(WHOLE)).changes).toEqual([
        {
          op: "change",
          path: "providers[claude].credentials[0]",
          before: "${env:CLAUDE_KEY}",
          after: "${env:CLAUDE_KEY}",
        },
      ]);
      const row = await bench.database.query
        .selectFrom("providers")
        .select("credentials")
        .where("name", "=", "claude")
        .executeTakeFirstOrThrow();
      const opened = row.credentials.map(({ sealed }) => bench.services.vault.open(sealed, "provider:claude"));
      expect(opened).toEqual(["sk-ant-rotated", "sk-ant-literal-0000"]);
    });

    it("that cannot be read are mistakes at their paths, all at once", async () => {
      delete bench.environment.CLAUDE_KEY;
      bench.environment.CI_KEY = "too short";
      const answer = await call("PUT", "/config", WHOLE);
      expect(answer.status).toBe(400);
      expect(answer.body.errors).toEqual([
        {
          path: "providers[0].credentials[0]",
          message: "the environment variable CLAUDE_KEY of the control service is not set",
        },
        {
          path: "projects[0].keys[0].secret",
          message: "what ${env:CI_KEY} holds must be 20 to 200 printable ASCII characters without spaces",
        },
      ]);
    });

    it("may not be shared by two keys, nor look like a key that the service made", async () => {
      bench.environment.CI_KEY = "a-literal-key-of-enough-characters";
      expect((await call("PUT", "/config", WHOLE)).body.errors).toEqual([
        { path: "projects[0].keys[1].secret", message: "is the same secret as projects[0].keys[0].secret" },
      ]);
      bench.environment.CI_KEY = `sk-oa-${"x".repeat(38)}`;
      expect((await call("PUT", "/config", WHOLE)).body.errors[0].message).toMatch(/begins like a key of this service/);
      bench.environment.CI_KEY = "ci-key-from-the-environment";
      await apply(WHOLE);
      const made = (await call("POST", "/keys", { project: "search" })).body;
      bench.environment.CI_KEY = made.secret;
      expect((await call("PUT", "/config", WHOLE)).body.errors).toEqual([
        { path: "projects[0].keys[0].secret", message: `is the secret of the key ${made.id}` },
      ]);
    });

    it("may change places between keys, which keep their ids", async () => {
      await apply(WHOLE);
      const [ci, literal] = [
        await bench.policyOf("ci-key-from-the-environment"),
        await bench.policyOf("a-literal-key-of-enough-characters"),
      ];
      const swapped = WHOLE.replace('"${env:CI_KEY}"', "X")
        .replace("a-literal-key-of-enough-characters", '"${env:CI_KEY}"')
        .replace("X", "a-literal-key-of-enough-characters");
      await apply(swapped);
      expect((await bench.policyOf("ci-key-from-the-environment"))?.id).toBe(literal?.id);
      expect((await bench.policyOf("a-literal-key-of-enough-characters"))?.id).toBe(ci?.id);
    });

    it("are nowhere in the database, in answers, or in the dump", async () => {
      await apply(WHOLE);
      const tables = ["providers", "models", "projects", "users", "keys", "idempotent_answers"] as const;
      const rows = await Promise.all(
        tables.map((table) => bench.database.query.selectFrom(table).selectAll().execute()),
      );
      const stored = JSON.stringify(rows, (_, value) => (typeof value === "bigint" ? String(value) : value));
      const shown = (await Promise.all(["/providers", "/keys", "/config"].map((path) => call("GET", path)))).map(
        ({ text }) => text,
      );
      for (const secret of SECRETS) {
        expect(stored).not.toContain(secret);
        for (const text of shown) expect(text).not.toContain(secret);
      }
    });
  });
}
