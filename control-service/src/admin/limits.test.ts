import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startTestService, type TestService } from "../gateway/testing.ts";
import { usageRecord } from "../ledger/testing.ts";
import { currentRevision } from "../store/revisions.ts";
import { testStores } from "../testing.ts";

const CONFIG = `
version: 1
providers:
  - {name: first, kind: vllm, base_url: "http://127.0.0.1:8000/v1", limits: [{metric: spend, window: none, amount: 9000000}]}
models:
  - name: vendor/chat
    targets: [{provider: first, model: m}]
    price: {input: 1, output: 2}
    limits: [{metric: tokens, window: month, amount: 1000}]
projects:
  - name: search
    limits: [{metric: requests, window: minute, amount: 600}, {metric: spend, window: none, amount: 10}]
    keys: [{name: ci, secret: the-key-of-the-tests-0001}]
  - {name: other, models: [other]}
`;
const BALANCE = "project:search:spend:none";
const PATH = `/limits/${BALANCE}`;
const USD = 1_000_000_000;

interface Shown {
  readonly id: string;
  readonly amount: unknown;
}

describe.each(testStores)("/admin/v1/limits on $name", ({ open, skip }) => {
  let service: TestService;
  let sequence = 0;

  beforeAll(async () => {
    if (skip !== null) return;
    service = await startTestService(await open());
    expect((await service.admin("PUT", "/config", CONFIG)).status).toBe(200);
    // PostgreSQL's notifications come a moment after the commit.
    const revision = Number(await currentRevision(service.services.database.query, "keys"));
    const heard = { config: { models: [{}] }, key_revision: revision };
    await vi.waitFor(async () => expect(await service.sync()).toMatchObject(heard), { timeout: 10_000 });
  });
  afterAll(() => service?.close());
  beforeEach((context) => {
    if (skip !== null) context.skip(skip);
  });

  const report = async (id: string, spent: number, reserved = 0, need = 0, window = 0) => {
    const entries = [{ id, window, spent, reserved, need, keep: 0 }];
    return (await service.sync({ leases: { sequence: ++sequence, entries } })).leases;
  };
  const items = async (query = "") =>
    (await service.admin("GET", `/limits${query}`)).body as { items: Shown[]; next: string | null };
  const payIn = (body: unknown, id = BALANCE) => service.admin("POST", `/limits/${id}/entries`, body);
  const verify = async () => ((await service.admin("POST", "/ledger/verify")).body as { balances: object }).balances;

  it("lists every limit with what is used of it, page by page", async () => {
    const now = service.services.clock.now();
    await report("project:search:requests:minute", 3, 2, 100, now - (now % 60_000));
    const { items: all, next } = await items();
    expect(next).toBeNull();
    expect(all.map(({ id }) => id)).toEqual([
      "model:search/vendor/chat:tokens:month",
      "project:search:requests:minute",
      BALANCE,
      "provider:first:spend:none",
    ]);
    expect(all[1]).toEqual({
      ...{ id: "project:search:requests:minute", subject: "project", name: "search" },
      ...{ metric: "requests", window: "minute", amount: 600, used: 3, reserved: 2, left: 595 },
      resets_at: "2026-01-01T00:01:00.000Z",
    });
    expect(all[3]).toMatchObject({ amount: "9000000", used: "0", reserved: "0", left: "9000000", resets_at: null });
    const first = await items("?limit=3");
    expect([...first.items, ...(await items(`?limit=3&cursor=${first.next}`)).items]).toEqual(all);
    expect((await items("?subject=project&name=search")).items).toEqual(all.slice(1, 3));
  });

  it("shows one by its id, a model's with its slashes as %2F", async () => {
    const id = "model:search/vendor/chat:tokens:month";
    const found = await service.admin("GET", `/limits/${encodeURIComponent(id)}`);
    expect(found).toMatchObject({ status: 200, body: { id, amount: 1000, resets_at: "2026-02-01T00:00:00.000Z" } });
    for (const unknown of ["nothing", "project:search:tokens:minute", "project:gone:requests:minute"]) {
      expect(await service.admin("GET", `/limits/${unknown}`)).toMatchObject({ status: 404 });
    }
  });

  it("takes top-ups and adjustments, which are in force at once", async () => {
    expect(await report(BALANCE, 0, 0, 12 * USD)).toMatchObject({ entries: [{ granted: 10 * USD }] });
    const { key_revision, config_version } = await service.sync();
    const made = await payIn({ amount_usd: 5.5, reason: "invoice 7" });
    expect(made).toEqual({
      status: 201,
      body: {
        ...{ id: "1", limit: BALANCE, created_at: "2026-01-01T00:00:00.000Z", author: "admin" },
        ...{ reason: "invoice 7", amount_usd: "5.5" },
      },
    });
    expect((await payIn({ amount_usd: "-0.000000001", reason: "rounding", author: "ada@example.com" })).status).toBe(
      201,
    );
    const { changed_keys: hash } = await service.sync({ key_revision, config_version, wait_ms: 5000 });
    expect(hash).toHaveLength(1);
    await expect
      .poll(async () => (await service.sync({ keys: hash })).keys[0], { timeout: 5000 })
      .toMatchObject({ limits: [{}, { id: BALANCE, amount: 15.5 * USD - 1 }] });
    await expect
      .poll(() => report(BALANCE, 0, 0, 20 * USD), { timeout: 5000 })
      .toMatchObject({ entries: [{ granted: 15.5 * USD - 1, left: 0 }] });
    expect((await service.admin("GET", PATH)).body).toMatchObject({ amount: "15.499999999", left: "15.499999999" });
    const listed = (await service.admin("GET", `${PATH}/entries?limit=1`)).body as { items: object[]; next: string };
    expect(listed.items).toMatchObject([{ reason: "rounding", amount_usd: "-0.000000001", author: "ada@example.com" }]);
    expect((await service.admin("GET", `${PATH}/entries?limit=1&cursor=${listed.next}`)).body).toMatchObject({
      items: [made.body],
      next: null,
    });
    await report(BALANCE, 0);
  });

  it.each([
    [{ reason: "x" }, "amount_usd"],
    [{ amount_usd: 0, reason: "x" }, "amount_usd"],
    [{ amount_usd: "1e-10", reason: "x" }, "amount_usd"],
    [{ amount_usd: 9_000_001, reason: "x" }, "amount_usd"],
    [{ amount_usd: "--1", reason: "x" }, "amount_usd"],
    [{ amount_usd: 1 }, "reason"],
    [{ amount_usd: 1, reason: "" }, "reason"],
    [{ amount_usd: 1, reason: "x", author: "" }, "author"],
    [{ amount_usd: 1, reason: "x", when: "now" }, "when"],
  ])("refuses the entry %j and names the field", async (body, path) => {
    expect(await payIn(body)).toMatchObject({ status: 400, body: { errors: [{ path }] } });
  });

  it("has entries for balances only", async () => {
    const entry = { amount_usd: 1, reason: "x" };
    expect((await payIn(entry, "project:search:requests:minute")).status).toBe(409);
    expect((await payIn(entry, "project:gone:spend:none")).status).toBe(404);
    expect((await service.admin("GET", "/limits/project:search:requests:minute/entries")).status).toBe(409);
  });

  it("pays in once for each Idempotency-Key", async () => {
    const before = await service.admin("GET", PATH);
    const pay = (amount_usd: number) =>
      fetch(`${service.url}/admin/v1${PATH}/entries`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${service.services.adminToken}`,
          "content-type": "application/json",
          "idempotency-key": "pay-1",
        },
        body: JSON.stringify({ amount_usd, reason: "once" }),
      });
    expect(await (await pay(1)).json()).toEqual(await (await pay(1)).json());
    expect((await pay(2)).status).toBe(422);
    const after = await service.admin("GET", PATH);
    const amount = ({ body }: { body: unknown }) => Number((body as Shown).amount);
    expect(amount(after) - amount(before)).toBeCloseTo(1, 9);
  });

  it("lets nobody change what was written", async () => {
    const { query } = service.services.database;
    await expect(query.updateTable("balance_entries").set({ reason: "y" }).execute()).rejects.toThrow(/append-only/);
    await expect(query.deleteFrom("balance_entries").execute()).rejects.toThrow(/append-only/);
  });

  it("verifies balances against the ledger", async () => {
    const right = { checked: 2, wrong: 0, differences: [] };
    expect(await verify()).toEqual(right);
    // 100 prompt and 50 completion tokens at 1 and 2 USD a million: the record is there before the gateway's report.
    const cost = 200_000;
    await report(BALANCE, 0, cost);
    await service.sync({ records: [usageRecord(1, { requested_model: "vendor/chat", provider: "first" })] });
    await report("provider:first:spend:none", cost);
    expect(await verify()).toEqual(right);
    await report(BALANCE, cost);
    expect(await verify()).toEqual(right);
    // The gateway says that it spent what no record tells of.
    await report(BALANCE, cost + 5);
    expect(await verify()).toEqual({
      checked: 2,
      wrong: 1,
      differences: [
        {
          id: BALANCE,
          amount: expect.any(String),
          spent: String(cost + 5),
          recorded: String(cost),
          in_flight: "0",
          left: expect.any(String),
          correct: false,
        },
      ],
    });
    // And the other way round.
    await service.sync({
      records: [2, 3].map((sequence) => usageRecord(sequence, { requested_model: "vendor/chat", provider: "first" })),
    });
    expect(await verify()).toMatchObject({ wrong: 2, differences: [{ spent: String(cost + 5) }, {}] });
  });
});
