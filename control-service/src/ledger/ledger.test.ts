import type { UsageRecord } from "@oneapi/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createMetrics, type Metrics } from "../metrics/metrics.ts";
import type { Database } from "../store/database.ts";
import { silentLogger, TestClock, testStores } from "../testing.ts";
import { GAP_PATIENCE_MS } from "./gaps.ts";
import { Ledger } from "./ledger.ts";
import { listRecords } from "./list-records.ts";
import { priceOf } from "./pricing.ts";
import { usageRecord } from "./testing.ts";
import { verifyLedger } from "./verify.ts";

describe.each(testStores)("the ledger on $name", ({ open, skip }) => {
  let database: Database;
  let clock: TestClock;
  let metrics: Metrics;
  let ledger: Ledger;
  const source = { node: "envoy-1", epoch: "0a" };

  beforeAll(async () => {
    if (skip === null) database = await open();
  });
  afterAll(() => database?.close());
  beforeEach(async (context) => {
    if (skip !== null) context.skip(skip);
    for (const table of ["usage_records", "prices", "gateway_sequences", "rejected_records"] as const) {
      await database.query.deleteFrom(table).execute();
    }
    clock = new TestClock();
    metrics = createMetrics();
    ledger = await Ledger.open({ database, clock, logger: silentLogger, metrics });
  });

  const page = async (filter: Partial<Parameters<typeof listRecords>[1]> = {}) => {
    const found = await listRecords(database.query, { limit: 100, ...filter });
    if (found === null) throw new Error("the cursor was not understood");
    return found;
  };
  const records = (from: number, to: number, change: Partial<UsageRecord> = {}) =>
    Array.from({ length: to - from + 1 }, (_, offset) => usageRecord(from + offset, change));
  const value = async (metric: { get(): Promise<{ values: { value: number }[] }> }) =>
    (await metric.get()).values.reduce((sum, { value }) => sum + value, 0);

  it("keeps every field of a record", async () => {
    const full = usageRecord(1, {
      user: "ada",
      stream: true,
      requested_model: 'odd"\\name,{}\u0000 with é and 漢',
      served_model: "gpt-x",
      outcome: "truncated",
      usage: {
        prompt_tokens: 9,
        cached_tokens: 4,
        cache_write_tokens: 1,
        completion_tokens: 7,
        reasoning_tokens: 2,
        images: 3,
      },
      raw_usage: { prompt_tokens: 9, note: "\u0000 \ud800" },
      usage_source: "tokenizer",
      tokenizer: "o200k",
      attempts: [
        { provider: "a", model: "m", status: null, error: 'connect: "refused"', latency_ms: 3 },
        { provider: "b", model: "gpt-x", status: 200, error: null, latency_ms: 40 },
      ],
      ttft_ms: 21,
    });
    await ledger.deliver(source, [full]);
    const { items } = await page();
    const { id, ...rest } = items[0] as (typeof items)[0];
    expect(id).toMatch(/^\d+$/);
    expect(rest).toEqual({
      operation_id: full.operation_id,
      created_at: new Date(full.created_at_ms).toISOString(),
      project: full.project,
      key: full.key,
      user: "ada",
      endpoint: full.endpoint,
      stream: true,
      requested_model: 'odd"\\name,{}\ufffd with é and 漢',
      served_model: "gpt-x",
      provider: full.provider,
      outcome: "truncated",
      usage: full.usage,
      usage_source: "tokenizer",
      tokenizer: "o200k",
      price_version: "unpriced",
      cost_nano_usd: null,
      attempts: full.attempts,
      ttft_ms: 21,
      latency_ms: full.latency_ms,
      gateway: "envoy-1",
    });
  });

  it("stores a batch once, however often and by however many connections it is delivered", async () => {
    const batch = records(1, 100);
    const answers = await Promise.all(Array.from({ length: 5 }, () => ledger.deliver(source, batch)));
    expect(answers.map(({ acknowledged }) => acknowledged)).toEqual([100, 100, 100, 100, 100]);
    expect(await ledger.deliver(source, batch)).toEqual({ acknowledged: 100, mistakes: [] });
    expect((await page({ limit: 1000 })).items).toHaveLength(100);
    expect(await value(metrics.records)).toBe(100);
    expect(await value(metrics.duplicateRecords)).toBe(500);
    expect(await value(metrics.rejectedRecords)).toBe(0);
  });

  it("knows an operation again that comes with another epoch", async () => {
    await ledger.deliver(source, records(1, 3));
    const again = records(1, 3).map((record, index) => ({ ...record, sequence: index + 1 }));
    expect((await ledger.deliver({ node: "envoy-1", epoch: "0b" }, again)).acknowledged).toBe(3);
    expect((await page()).items).toHaveLength(3);
  });

  it("puts a record aside whose operation id is another operation's", async () => {
    await ledger.deliver(source, records(1, 1));
    const other = usageRecord(2, {
      operation_id: usageRecord(1).operation_id,
      usage: { ...usageRecord(1).usage, completion_tokens: 999 },
    });
    expect((await ledger.deliver(source, [other])).acknowledged).toBe(2);
    const kept = await database.query.selectFrom("rejected_records").selectAll().execute();
    expect(kept).toMatchObject([{ sequence: 2n, record: { operation_id: other.operation_id } }]);
    expect(await value(metrics.rejectedRecords)).toBe(1);
  });

  it("acknowledges the highest number without a gap before it", async () => {
    expect((await ledger.deliver(source, records(1, 3))).acknowledged).toBe(3);
    expect((await ledger.deliver(source, records(6, 8))).acknowledged).toBe(3);
    expect(await value(metrics.sequenceGaps)).toBe(1);
    expect((await ledger.deliver(source, records(4, 4))).acknowledged).toBe(4);
    expect((await ledger.deliver(source, records(5, 5))).acknowledged).toBe(8);
    expect(await ledger.acknowledged(source)).toBe(8);
    expect(await ledger.acknowledged({ node: "envoy-1", epoch: "ff" })).toBe(0);
    const restarted = await Ledger.open({ database, clock, logger: silentLogger, metrics });
    expect(await restarted.acknowledged(source)).toBe(8);
  });

  it("gives up on numbers that never come, so that those behind them can be dropped", async () => {
    expect((await ledger.deliver(source, [...records(1, 2), ...records(5, 6)])).acknowledged).toBe(2);
    clock.advance(GAP_PATIENCE_MS - 1);
    expect((await ledger.deliver(source, records(5, 6))).acknowledged).toBe(2);
    clock.advance(1);
    expect((await ledger.deliver(source, records(5, 6))).acknowledged).toBe(6);
    expect(await value(metrics.lostRecords)).toBe(2);
    const row = () => database.query.selectFrom("gateway_sequences").select("lost").executeTakeFirstOrThrow();
    expect(await row()).toEqual({ lost: "{[3,5)}" });
    // One that turns up after all is stored and lost no more.
    expect((await ledger.deliver(source, records(4, 4))).acknowledged).toBe(6);
    expect(await row()).toEqual({ lost: "{[3,4)}" });
    expect((await page()).items).toHaveLength(5);
  });

  it("puts what it cannot understand aside, says where, and lets the rest through", async () => {
    const batch: unknown[] = records(1, 5);
    batch[1] = "not a record";
    batch[3] = { ...usageRecord(4), usage: { ...usageRecord(4).usage, prompt_tokens: -1 } };
    const delivery = await ledger.deliver(source, batch);
    expect(delivery.mistakes.map(({ path }) => path)).toEqual(["records[1]", "records[3].usage.prompt_tokens"]);
    // The second one's number could not be read, so it stays open until it counts as lost.
    expect(delivery.acknowledged).toBe(1);
    await ledger.deliver(source, batch);
    const kept = await database.query.selectFrom("rejected_records").selectAll().orderBy("id").execute();
    expect(kept).toMatchObject([
      { sequence: null, gateway: "envoy-1", epoch: "0a", record: "not a record" },
      { sequence: 4n, record: { sequence: 4 } },
    ]);
    expect(kept[1]?.reason).toContain("records[3].usage.prompt_tokens");
    expect(await value(metrics.rejectedRecords)).toBe(2);
    expect((await page()).items).toHaveLength(3);
    clock.advance(GAP_PATIENCE_MS);
    expect((await ledger.deliver(source, batch)).acknowledged).toBe(5);
  });

  it("ignores fields that it does not know and fills in those that may be absent", async () => {
    const { user, tokenizer, raw_usage, ttft_ms, ...bare } = usageRecord(1);
    const delivery = await ledger.deliver(source, [{ ...bare, usage: { prompt_tokens: 3 }, colour: "green" }]);
    expect(delivery).toEqual({ acknowledged: 1, mistakes: [] });
    const { items } = await page();
    expect(items[0]).toMatchObject({ user: null, ttft_ms: null, usage: { prompt_tokens: 3, completion_tokens: 0 } });
  });

  it("prices records of every outcome by the price in force, and by the last one of a model that is gone", async () => {
    const now = () => new Date(clock.now());
    await ledger.prices.enforce(
      { models: [{ name: "chat", price: { input: "1", output: "2" }, targets: [] }], projects: [] },
      now(),
    );
    const usage = { ...usageRecord(1).usage, prompt_tokens: 10, completion_tokens: 5 };
    const deliver = async (sequence: number, change: Partial<UsageRecord>) => {
      await ledger.deliver(source, [usageRecord(sequence, { requested_model: "chat", usage, ...change })]);
      return (await page({ operation_id: usageRecord(sequence).operation_id })).items[0];
    };
    const first = await deliver(1, { outcome: "client_closed" });
    expect(first?.cost_nano_usd).toBe(20_000);
    clock.advance(1000);
    await ledger.prices.enforce(
      { models: [{ name: "chat", price: { input: "2", output: "2" }, targets: [] }], projects: [] },
      now(),
    );
    const second = await deliver(2, { outcome: "ok" });
    expect(second?.cost_nano_usd).toBe(30_000);
    expect(second?.price_version).not.toBe(first?.price_version);
    clock.advance(1000);
    await ledger.prices.enforce({ models: [], projects: [] }, now());
    expect((await deliver(3, {}))?.cost_nano_usd).toBe(30_000);
    ledger = await Ledger.open({ database, clock, logger: silentLogger, metrics });
    expect((await deliver(4, {}))?.cost_nano_usd).toBe(30_000);
    await ledger.prices.enforce({ models: [{ name: "chat", price: undefined, targets: [] }], projects: [] }, now());
    expect(await deliver(5, {})).toMatchObject({ cost_nano_usd: null, price_version: "unpriced" });
    expect(await verifyLedger(database.query)).toEqual({
      checked: 5,
      unpriced: 1,
      total_nano_usd: "110000",
      wrong: 0,
      discrepancies: [],
    });
  });

  it("prices a model without a price of its own by the list price of the target that served or was asked", async () => {
    const listed = (
      provider: string,
      input: string,
      tiers: { above: number; input: string; output: string }[] = [],
    ) => ({
      ...{ provider, model: "up" },
      price: priceOf({ input, output: "0", reasoning: "9", image: "0.5", tiers }),
    });
    const targets = [listed("dear", "8", [{ above: 50, input: "16", output: "1" }]), listed("cheap", "2")];
    const unlisted = { provider: "own", model: "mine", price: undefined };
    const enforce = (price?: { input: string; output: string }) =>
      ledger.prices.enforce(
        {
          models: [
            { name: "chat", price, targets: [...targets, unlisted] },
            { name: "free", price: undefined, targets: [unlisted] },
          ],
          projects: [],
        },
        new Date(clock.now()),
      );
    await enforce();
    const attempt = { provider: "dear", model: "up", status: 500, error: null, latency_ms: 1 };
    const usage = { ...usageRecord(1).usage, prompt_tokens: 10, completion_tokens: 3, reasoning_tokens: 2, images: 1 };
    let sequence = 0;
    const cost = async (change: Partial<UsageRecord>) => {
      sequence++;
      await ledger.deliver(source, [usageRecord(sequence, { requested_model: "chat", usage, ...change })]);
      const { items } = await page({ operation_id: usageRecord(sequence).operation_id });
      return items[0]?.cost_nano_usd;
    };
    const failed = { served_model: null, provider: null };
    // 0.5 USD for the image, 2 * 9 millionths for the thoughts, and the prompt.
    expect(await cost({ provider: "cheap", served_model: "up" })).toBe(500_038_000);
    expect(await cost({ provider: "dear", served_model: "up" })).toBe(500_098_000);
    expect(
      await cost({ provider: "dear", served_model: "up", usage: { ...usage, prompt_tokens: 51, reasoning_tokens: 0 } }),
    ).toBe(500_819_000);
    expect(await cost({ ...failed, attempts: [{ ...attempt, provider: "cheap" }] })).toBe(500_038_000);
    expect(await cost({ ...failed, attempts: [] })).toBe(500_098_000);
    expect(await cost({ provider: "own", served_model: "mine" })).toBeNull();
    expect(await cost({ requested_model: "free", ...failed, attempts: [] })).toBeNull();
    // A target that has left the configuration, for a service that was started since.
    await ledger.prices.enforce({ models: [], projects: [] }, new Date(clock.now()));
    ledger = await Ledger.open({ database, clock, logger: silentLogger, metrics });
    expect(await cost({ provider: "dear", served_model: "up" })).toBe(500_098_000);
    // The model's own price comes before its targets'.
    await enforce({ input: "1", output: "1" });
    expect(await cost({ provider: "dear", served_model: "up" })).toBe(13_000);
    expect(await verifyLedger(database.query)).toMatchObject({ checked: sequence, unpriced: 2, wrong: 0 });
    await database.query.updateTable("prices").set({ image: 1n }).execute();
    expect(await verifyLedger(database.query)).toMatchObject({ wrong: sequence - 2 });
  });

  it("finds a cost and a price that were changed", async () => {
    const price = { input: "1", output: "2" };
    await ledger.prices.enforce(
      { models: [{ name: "chat", price, targets: [] }], projects: [] },
      new Date(clock.now()),
    );
    await ledger.deliver(source, records(1, 3, { requested_model: "chat" }));
    const id = usageRecord(2).operation_id;
    await database.query
      .updateTable("usage_records")
      .set({ cost_nano_usd: 1n })
      .where("operation_id", "=", id)
      .execute();
    expect(await verifyLedger(database.query)).toMatchObject({
      wrong: 1,
      discrepancies: [{ operation_id: id, stored: "1", computed: "200000" }],
    });
    await database.query.updateTable("prices").set({ input: 5n }).execute();
    expect(await verifyLedger(database.query)).toMatchObject({ checked: 3, wrong: 3 });
  });

  it("filters by every field, times included from and excluded to", async () => {
    const at = Date.parse("2026-03-01T00:00:00Z");
    await ledger.deliver(source, [
      usageRecord(1, { project: "a", key: "k1", user: "ada", created_at_ms: at }),
      usageRecord(2, { project: "b", key: "k2", provider: "p2", created_at_ms: at + 1000 }),
      usageRecord(3, {
        project: "b",
        requested_model: "m3",
        outcome: "rejected",
        provider: null,
        created_at_ms: at + 2000,
      }),
    ]);
    const found = async (filter: Parameters<typeof page>[0]) =>
      (await page(filter)).items.map(({ operation_id }) => operation_id.slice(-1)).join("");
    expect(await found({})).toBe("321");
    expect(await found({ project: "b" })).toBe("32");
    expect(await found({ key: "k2" })).toBe("2");
    expect(await found({ user: "ada" })).toBe("1");
    expect(await found({ model: "m3" })).toBe("3");
    expect(await found({ provider: "p2" })).toBe("2");
    expect(await found({ outcome: "rejected" })).toBe("3");
    expect(await found({ operation_id: usageRecord(2).operation_id })).toBe("2");
    expect(await found({ from: "2026-03-01T00:00:01Z", to: "2026-03-01T01:00:02+01:00" })).toBe("2");
    expect(await found({ project: "b", outcome: "ok" })).toBe("2");
  });

  it("pages through all records while others arrive, none twice and none left out", async () => {
    const at = Date.parse("2026-03-01T00:00:00Z");
    // Ten at a time share a moment, so that the second part of the cursor matters.
    const spread = (sequence: number) => usageRecord(sequence, { created_at_ms: at + Math.floor(sequence / 10) });
    await ledger.deliver(
      source,
      Array.from({ length: 95 }, (_, index) => spread(index + 1)),
    );
    const seen: string[] = [];
    let cursor: string | null = null;
    let late = 96;
    do {
      const found: Awaited<ReturnType<typeof page>> = await page({ limit: 7, ...(cursor !== null && { cursor }) });
      seen.push(...found.items.map(({ operation_id }) => operation_id));
      cursor = found.next;
      await ledger.deliver(source, [usageRecord(late, { created_at_ms: at + 1000 + late })]);
      late++;
    } while (cursor !== null && seen.length < 1000);
    const expected = Array.from({ length: 95 }, (_, index) => usageRecord(index + 1).operation_id);
    expect(new Set(seen)).toEqual(new Set(expected));
    expect(seen).toHaveLength(95);
    expect(await listRecords(database.query, { limit: 7, cursor: "bm9uc2Vuc2U" })).toBeNull();
  });
});
