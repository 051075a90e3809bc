import type { OpenOperation } from "@oneapi/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Ledger } from "../ledger/ledger.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { type TestServices, testServices, testStores } from "../testing.ts";
import { openOperations } from "./open-operations.ts";
import { Reaper } from "./reaper.ts";

const open = (id: string, more: Partial<OpenOperation> = {}): OpenOperation => ({
  operation_id: id,
  created_at_ms: Date.parse("2026-01-01T00:00:00Z"),
  key: "key_1",
  project: "search",
  user: null,
  endpoint: "/v1/chat/completions",
  stream: false,
  requested_model: "chat",
  served_model: "gpt-x",
  provider: "first",
  prompt_tokens: 100,
  ...more,
});

const record = (id: string, sequence: number) => ({
  ...{ sequence, operation_id: id, created_at_ms: Date.parse("2026-01-01T00:00:00Z") },
  ...{ key: "key_1", project: "search", user: null, endpoint: "/v1/chat/completions", stream: false },
  ...{ requested_model: "chat", served_model: "gpt-x", provider: "first", outcome: "ok", usage_source: "provider" },
  ...{ usage: { prompt_tokens: 7, completion_tokens: 3 }, attempts: [], latency_ms: 5 },
});

describe.each(testStores)("operations of strict projects, on $name", ({ skip, open: openStore }) => {
  let services: TestServices;
  let ledger: Ledger;
  let reaper: Reaper;
  beforeEach(async (context) => {
    if (skip !== null) context.skip(skip);
    services = await testServices(await openStore());
    ledger = await Ledger.open({ ...services, metrics: createMetrics() });
    const price = { input: "1", output: "2" };
    await ledger.prices.enforce(
      { models: [{ name: "chat", price, targets: [] }], projects: [] },
      new Date(services.clock.now()),
    );
    reaper = new Reaper(services, ledger);
    services.clock.advance(10_000);
  });
  afterEach(async () => {
    await reaper?.close();
    await services?.database.close();
  });

  const SOURCE = { node: "envoy-1", epoch: "0a" };
  const begin = async (...ids: string[]) => {
    const list = ids.map((id) => open(id));
    await openOperations(services.database.query, SOURCE, list, new Date(services.clock.now()));
  };
  const records = () =>
    services.database.query.selectFrom("usage_records").selectAll().orderBy("operation_id").execute();
  const operations = async () => {
    const rows = await services.database.query.selectFrom("open_operations").selectAll().execute();
    return rows.map((row) => row.operation_id).sort();
  };
  const wait = async (ms: number) => {
    services.clock.advance(ms);
    await reaper.round();
  };

  it("are in store until their record is", async () => {
    await begin("req_1", "req_2");
    await begin("req_1");
    expect(await operations()).toEqual(["req_1", "req_2"]);
    await ledger.deliver(SOURCE, [record("req_1", 1)]);
    expect(await operations()).toEqual(["req_2"]);
    await begin("req_1");
    expect(await operations()).toEqual(["req_2"]);
  });

  it("get a record when their gateway is gone, once, and its own in its place if it comes back", async () => {
    await begin("req_1", "req_2");
    await wait(8000);
    expect(await records()).toEqual([]);
    await wait(1);
    const closed = await records();
    expect(closed).toMatchObject([
      {
        ...{ operation_id: "req_1", outcome: "truncated", usage_source: "estimate", tokenizer: "bytes-4" },
        ...{ prompt_tokens: 100, completion_tokens: 0, cost_nano_usd: 100_000n, gateway: "envoy-1", provisional: true },
      },
      { operation_id: "req_2" },
    ]);
    expect(await operations()).toEqual([]);
    await wait(60_000);
    expect(await records()).toEqual(closed);

    expect(await ledger.deliver(SOURCE, [record("req_1", 1)])).toEqual({ acknowledged: 1, mistakes: [] });
    const own = [
      { operation_id: "req_1", outcome: "ok", prompt_tokens: 7, cost_nano_usd: 13_000n, provisional: false },
      { operation_id: "req_2", outcome: "truncated" },
    ];
    expect(await records()).toMatchObject(own);
    await ledger.deliver(SOURCE, [record("req_1", 1)]);
    expect(await records()).toMatchObject(own);
  });

  it("stay open while their gateway has a sync that is held", async () => {
    await begin("req_1");
    const answered = reaper.hears(SOURCE);
    for (let i = 0; i < 10; i++) await wait(5000);
    expect(await operations()).toEqual(["req_1"]);
    answered();
    await wait(8001);
    expect(await records()).toHaveLength(1);
  });

  it("are left alone in the first moments of the service, when all gateways are unheard of", async () => {
    await begin("req_1");
    services.clock.advance(3_600_000);
    const fresh = new Reaper(services, ledger);
    await fresh.round();
    expect(await operations()).toEqual(["req_1"]);
    fresh.hears(SOURCE)();
    services.clock.advance(8000);
    await fresh.round();
    expect(await operations()).toEqual(["req_1"]);
    await fresh.close();
  });
});
