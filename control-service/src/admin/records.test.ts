import { recordPageSchema } from "@oneapi/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CONFIG, startTestService, type TestService } from "../gateway/testing.ts";
import { usageRecord } from "../ledger/testing.ts";
import { testStores } from "../testing.ts";

describe.each(testStores)("/admin/v1/records on $name", ({ open, skip }) => {
  let service: TestService;

  beforeAll(async () => {
    if (skip !== null) return;
    service = await startTestService(await open());
    await service.admin("PUT", "/config", CONFIG);
    const records = Array.from({ length: 5 }, (_, index) => usageRecord(index + 1, { requested_model: "other" }));
    expect((await service.sync({ records })).acknowledged).toBe(5);
  });
  afterAll(() => service?.close());
  beforeEach((context) => {
    if (skip !== null) context.skip(skip);
  });

  const get = (path: string) => service.admin("GET", path);

  it("answers pages newest first in the agreed shape", async () => {
    const first = recordPageSchema.strict().parse((await get("/records?limit=3")).body);
    expect(first.items.map(({ operation_id }) => operation_id)).toEqual(["operation-5", "operation-4", "operation-3"]);
    const second = recordPageSchema.parse((await get(`/records?limit=3&cursor=${first.next}`)).body);
    expect(second.items.map(({ operation_id }) => operation_id)).toEqual(["operation-2", "operation-1"]);
    expect(second.next).toBeNull();
    expect(Object.keys(first.items[0] ?? {})).toEqual([
      ...["id", "operation_id", "created_at", "project", "key", "user", "endpoint", "stream", "requested_model"],
      ...["served_model", "provider", "outcome", "usage", "usage_source", "tokenizer", "price_version"],
      ...["cost_nano_usd", "attempts", "ttft_ms", "latency_ms", "gateway"],
    ]);
  });

  it.each([
    ["outcome=fine", "outcome"],
    ["from=yesterday", "from"],
    ["limit=0", "limit"],
    ["limit=many", "limit"],
    ["colour=green", "colour"],
    ["cursor=nonsense", "cursor"],
    ["project=", "project"],
    ["key=a&key=b", "key"],
  ])("refuses ?%s and names it", async (query, path) => {
    const { status, body } = await get(`/records?${query}`);
    expect(status).toBe(400);
    expect(body).toMatchObject({ status: 400, errors: [{ path }] });
  });

  it("verifies the ledger", async () => {
    const { status, body } = await service.admin("POST", "/ledger/verify");
    expect(status).toBe(200);
    expect(body).toEqual({
      checked: 5,
      unpriced: 5,
      total_nano_usd: "0",
      wrong: 0,
      discrepancies: [],
      balances: { checked: 0, wrong: 0, differences: [] },
    });
  });

  it("needs the admin token", async () => {
    for (const path of ["/records", "/gateways", "/envoy/config?wasm=/a"]) {
      const response = await fetch(`${service.url}/admin/v1${path}`);
      expect(response.status).toBe(401);
    }
  });
});
