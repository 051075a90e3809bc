import { parseCounterId } from "@oneapi/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startTestService, type TestService } from "../gateway/testing.ts";
import { usageRecord } from "../ledger/testing.ts";
import { testStores } from "../testing.ts";
import { recordedUse } from "./recorded-use.ts";

describe.each(testStores)("recordedUse on $name", ({ open, skip }) => {
  beforeEach((context) => {
    if (skip !== null) context.skip(skip);
  });

  let service: TestService;
  beforeAll(async () => {
    if (skip !== null) return;
    service = await startTestService(await open());
    const models = "[{name: vendor/chat, targets: [{provider: openai, model: m}], price: {input: 1, output: 2}}]";
    const providers = '[{name: openai, kind: vllm, base_url: "http://127.0.0.1:8000/v1"}]';
    await service.admin("PUT", "/config", `{version: 1, providers: ${providers}, models: ${models}}`);
    // PostgreSQL's notifications come a moment after the commit, and the prices with them.
    await vi.waitFor(async () => expect((await service.sync()).config?.models).toHaveLength(1), { timeout: 10_000 });
    const own = { requested_model: "vendor/chat", user: "ada" };
    const records = [
      usageRecord(1, own),
      usageRecord(2, { ...own, outcome: "rejected", attempts: [] }),
      usageRecord(3, {
        ...own,
        project: "other",
        key: "key_2",
        user: null,
        provider: "second",
        requested_model: "gone",
      }),
    ];
    await service.sync({ records });
    await service.sync({ epoch: "0b", records: [usageRecord(1, { ...own, operation_id: "another" })] });
  });
  afterAll(() => service?.close());

  const source = { node: "envoy-1", epoch: "0a" };
  const day = { start: Date.parse("2026-01-01T00:00:00Z"), end: Date.parse("2026-01-02T00:00:00Z") };

  it.each([
    ["key:key_1:requests:day", 1],
    ["key:key_1:tokens:day", 300],
    ["user:ada:spend:none", 400_000],
    ["project:search:spend:month", 400_000],
    ["project:other:tokens:day", 150],
    // Its model had no price.
    ["project:other:spend:day", 0],
    ["model:search/vendor/chat:tokens:day", 300],
    ["model:other/vendor/chat:tokens:day", 0],
    ["provider:second:requests:day", 1],
    ["provider:second:concurrency:none", 0],
  ])("sums up what one gateway process used of %s", async (id, used) => {
    const counter = parseCounterId(id);
    if (counter === null) throw new Error(`not a counter: ${id}`);
    const { query } = service.services.database;
    expect(await recordedUse(query, counter, source, day)).toBe(used);
    expect(await recordedUse(query, counter, { ...source, node: "envoy-2" }, day)).toBe(0);
    expect(await recordedUse(query, counter, source, { start: day.end, end: null })).toBe(0);
  });
});
