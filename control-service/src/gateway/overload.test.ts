import type { UsageRecord } from "@oneapi/contract";
import type { KyselyPlugin } from "kysely";
import { afterEach, describe, expect, it } from "vitest";
import { usageRecord } from "../ledger/testing.ts";
import type { Database } from "../store/database.ts";
import { readMigrations } from "../store/migrations.ts";
import { openPglite } from "../store/pglite.ts";
import { INTAKE_BYTES } from "./intake.ts";
import { CONFIG, hashKey, SECRET, startTestService, type TestService } from "./testing.ts";

/** A database that has stored records long before it says so, while `jam` lasts. */
class SlowStore implements KyselyPlugin {
  jam: Promise<void> = Promise.resolve();
  readonly #slow = new WeakSet<object>();

  transformQuery({ queryId, node }: Parameters<KyselyPlugin["transformQuery"]>[0]) {
    if (node.kind === "RawNode" && node.sqlFragments[0]?.includes("with progress")) this.#slow.add(queryId);
    return node;
  }

  async transformResult({ queryId, result }: Parameters<KyselyPlugin["transformResult"]>[0]) {
    if (this.#slow.has(queryId)) await this.jam;
    return result;
  }
}

describe("more records than the database takes", () => {
  let service: TestService;
  afterEach(() => service.close());

  const push = (node: string, records: UsageRecord[], keys: string[] = []) =>
    fetch(`${service.url}/gateway/v1/sync`, {
      method: "POST",
      headers: { authorization: `Bearer ${service.services.gatewayToken}`, "content-type": "application/json" },
      body: JSON.stringify({ version: 1, node, epoch: "0a", kind: "envoy", keys, records }),
    });

  /** Records of some 6 KB. */
  const batch = (node: string, count: number) =>
    Array.from({ length: count }, (_, index) =>
      usageRecord(index + 1, { operation_id: `${node}-${index}`, raw_usage: { note: "x".repeat(6000) } }),
    );

  it("are refused with the time to come again, and none that was acknowledged is lost", async () => {
    const slow = new SlowStore();
    const pglite = await openPglite("memory://", readMigrations());
    const database: Database = { ...pglite, query: pglite.query.withPlugin(slow) };
    service = await startTestService(database);
    await service.admin("PUT", "/config", CONFIG);
    const opened = Promise.withResolvers<void>();
    slow.jam = opened.promise;

    const batches = new Map<string, UsageRecord[]>();
    for (let index = 0; index < 20; index++) batches.set(`long-${index}`, batch(`long-${index}`, 100));
    for (let index = 0; index < 20; index++) batches.set(`short-${index}`, batch(`short-${index}`, 8));
    const refused: string[] = [];
    const answers = new Map(
      [...batches].map(([node, records]) => {
        const answer = push(node, records);
        void answer.then(({ status, headers }) => {
          if (status === 503 && Number(headers.get("retry-after")) > 0) refused.push(node);
        });
        return [node, answer];
      }),
    );
    // Refused are as many as must be, at once, while the others wait for the database.
    const long = JSON.stringify(batch("long-10", 100)).length;
    const short = JSON.stringify(batch("short-10", 8)).length;
    await expect
      .poll(() => refused.filter((node) => node.startsWith("long")).length, { timeout: 20_000 })
      .toBeGreaterThanOrEqual(20 - Math.floor(INTAKE_BYTES / long));
    const shortRoom = Math.ceil(long / short);
    await expect
      .poll(() => refused.filter((node) => node.startsWith("short")).length, { timeout: 20_000 })
      .toBeGreaterThanOrEqual(20 - shortRoom);

    // Gateways that bring no records are answered as ever.
    const other = await push("envoy-a", [], [hashKey(SECRET)]);
    expect(await other.json()).toMatchObject({ keys: [{ known: true }], acknowledged: 0 });

    opened.resolve();
    for (const [node, records] of batches) {
      let answer = await (answers.get(node) as Promise<Response>);
      for (let tries = 0; answer.status === 503 && tries < 50; tries++) answer = await push(node, records);
      expect(await answer.json()).toMatchObject({ acknowledged: records.length });
    }
    const { count } = await database.query
      .selectFrom("usage_records")
      .select(({ fn }) => fn.countAll().as("count"))
      .executeTakeFirstOrThrow();
    expect(Number(count)).toBe(20 * 100 + 20 * 8);
  });
});
