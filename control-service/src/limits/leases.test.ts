import type { LeaseAnswer, LeaseClaim, SyncResponse } from "@oneapi/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hashKey, startTestService, type TestService } from "../gateway/testing.ts";
import { usageRecord } from "../ledger/testing.ts";
import { currentRevision } from "../store/revisions.ts";
import { type TestClock, testStores } from "../testing.ts";
import { redisMissing, TestRedis } from "./redis/testing.ts";

const AT_ONCE_MS = 1000;
const LONG_MS = 10 * AT_ONCE_MS;
const SECRET = "the-key-of-the-tests-0001";

const config = (test: number, change: { projectLimits?: string; modelLimits?: string } = {}) => `
version: 1
providers:
  - {name: first${test}, kind: openai, base_url: "https://api.first.example/v1", credentials: [sk-first-0000000000],
     limits: [{metric: concurrency, amount: 3}]}
models:
  - name: vendor/chat:v1
    targets: [{provider: first${test}, model: gpt-x}]
    price: {input: 1, output: 2}
    limits: ${change.modelLimits ?? "[{metric: tokens, window: hour, amount: 5000}]"}
projects:
  - name: search${test}
    accounting: strict
    on_control_loss: fail_open
    admission_wait: 1s
    limits: ${change.projectLimits ?? "[{metric: requests, window: minute, amount: 100}]"}
    keys: [{name: ci, secret: ${SECRET}-${test}, limits: [{metric: spend, window: none, amount: 0.5}]}]
users: [{name: ada, email: ada@example.com, projects: [search${test}], limits: [{metric: spend, window: day, amount: 1.25}]}]
`;

describe.each(testStores)("leases on $name", ({ open, skip }) => {
  let service: TestService;
  let clock: TestClock;
  let sequence = 0;
  /** Each test has a project and a provider of its own, so that no counter is used yet. */
  let test = 0;
  let PROJECT: string;
  let REQUESTS: string;
  let TOKENS: string;
  let SLOTS: string;

  beforeAll(async () => {
    if (skip !== null) return;
    service = await startTestService(await open());
    clock = service.services.clock;
  });
  afterAll(() => service?.close());
  beforeEach(async (context) => {
    if (skip !== null) return context.skip(skip);
    test++;
    PROJECT = `search${test}`;
    REQUESTS = `project:${PROJECT}:requests:minute`;
    TOKENS = `model:${PROJECT}/vendor/chat:v1:tokens:hour`;
    SLOTS = `provider:first${test}:concurrency:none`;
    await apply(config(test));
    // PostgreSQL's notifications come a moment after the commit, and would wake a poll.
    const revision = Number(await currentRevision(service.services.database.query, "keys"));
    await expect
      .poll(() => service.sync(), { timeout: LONG_MS })
      .toMatchObject({ config: { providers: [{ name: `first${test}` }] }, key_revision: revision });
  });

  const apply = async (text: string) => {
    expect(await service.admin("PUT", "/config", text)).toMatchObject({ status: 200 });
  };
  const windowOf = (id: string) => {
    const length = id.endsWith(":minute") ? 60_000 : id.endsWith(":hour") ? 3_600_000 : 0;
    return length === 0 ? 0 : clock.now() - (clock.now() % length);
  };
  const claim = (id: string, change: Partial<LeaseClaim> = {}): LeaseClaim => ({
    ...{ id, window: windowOf(id), spent: 0, reserved: 0, need: 0, keep: 0 },
    ...change,
  });
  const report = async (epoch: string, entries: LeaseClaim[], wait_ms = 0) => {
    const { leases } = await service.sync({ epoch, wait_ms, leases: { sequence: ++sequence, entries } });
    return leases as Exclude<LeaseAnswer, { unavailable: true }>;
  };
  const granted = async (epoch: string, id: string, change: Partial<LeaseClaim> = {}) =>
    (await report(epoch, [claim(id, change)])).entries[0];
  const upToDate = async (epoch: string) => {
    const { config_version, key_revision } = await service.sync({ epoch });
    return { epoch, config_version, key_revision };
  };
  const poll = async (epoch: string) => service.sync({ ...(await upToDate(epoch)), wait_ms: LONG_MS });
  const timed = async (what: Promise<SyncResponse>) => {
    const start = performance.now();
    const answer = await what;
    return { answer, ms: performance.now() - start };
  };

  it("are told with the policies of keys and the configuration", async () => {
    const made = await service.admin("POST", "/keys", {
      project: PROJECT,
      user: "ada",
      limits: [
        { metric: "requests", window: "second", amount: 9 },
        { metric: "requests", window: "second", amount: 7 },
      ],
    });
    const { id, secret } = made.body as { id: string; secret: string };
    const answer = await service.sync({ keys: [hashKey(secret)] });
    expect(answer.keys[0]).toMatchObject({
      limits: [
        { id: `key:${id}:requests:second`, metric: "requests", window: "second", amount: 7 },
        { id: "user:ada:spend:day", metric: "spend", window: "day", amount: 1_250_000_000 },
        { id: REQUESTS, metric: "requests", window: "minute", amount: 100 },
      ],
      accounting: "strict",
      on_control_loss: "fail_open",
      admission_wait_ms: 1000,
    });
    await expect
      .poll(async () => (await service.sync()).config, { timeout: LONG_MS })
      .toMatchObject({
        providers: [{ limits: [{ id: SLOTS, metric: "concurrency", window: "none", amount: 3 }] }],
        models: [{ limits: [{ metric: "tokens", window: "hour", amount: 5000 }] }],
      });
  });

  it("are granted at once, each in its window, and not where there is no limit", async () => {
    const start = performance.now();
    const answer = await report(
      "0a",
      [
        claim(REQUESTS, { need: 1, keep: 9 }),
        claim(TOKENS, { need: 700 }),
        claim(SLOTS, { need: 4 }),
        claim("project:search:requests:hour", { need: 1 }),
        claim("model:elsewhere/vendor/chat:v1:tokens:hour", { need: 1 }),
        claim("key:unknown:requests:minute", { need: 1 }),
        claim(REQUESTS, { window: windowOf(REQUESTS) - 60_000, spent: 3, need: 5 }),
      ],
      LONG_MS,
    );
    expect(performance.now() - start).toBeLessThan(AT_ONCE_MS);
    expect(answer).toEqual({
      sequence,
      ttl_ms: 10_000,
      entries: [
        { id: REQUESTS, window: windowOf(REQUESTS), granted: 10, left: 90, edge: false, final: false },
        { id: TOKENS, window: windowOf(TOKENS), granted: 700, left: 4300, edge: false, final: false },
        { id: SLOTS, window: 0, granted: 3, left: 0, edge: false, final: true },
        { id: REQUESTS, window: windowOf(REQUESTS) - 60_000, granted: 3, left: 0, edge: false, final: false },
      ],
    });
    const text = await (await fetch(`${service.url}/metrics`)).text();
    expect(text).toMatch(/^oneapi_lease_grants_total 2$/m);
    expect(text).toMatch(/^oneapi_lease_denials_total 2$/m);
    expect(text).toMatch(/^oneapi_limit_counters 3$/m);
  });

  it("begin anew when the window turns", async () => {
    await granted("0a", REQUESTS, { need: 100 });
    expect(await granted("0b", REQUESTS, { need: 1 })).toMatchObject({ granted: 0 });
    clock.advance(60_000);
    expect(await granted("0b", REQUESTS, { need: 1 })).toMatchObject({ granted: 1, left: 99 });
  });

  it("are asked back from who holds them idle: its poll is answered at once", async () => {
    await granted("0a", REQUESTS, { need: 100 });
    const waiting = timed(poll("0a"));
    const other = poll("0c");
    await expect.poll(async () => (await fetch(`${service.url}/metrics`)).text()).toMatch(/^oneapi_gateway_polls 2$/m);
    expect(await granted("0b", REQUESTS, { need: 1 })).toMatchObject({ granted: 0, final: false });
    const { answer, ms } = await waiting;
    expect(answer.limits).toEqual([REQUESTS]);
    expect(ms).toBeLessThan(LONG_MS / 2);
    // Told once; and the one that waits is told when units come free.
    expect(await service.sync({ epoch: "0a" })).not.toHaveProperty("limits");
    await granted("0a", REQUESTS, { spent: 10 });
    expect((await service.sync({ ...(await upToDateWithoutNotes("0b")), wait_ms: LONG_MS })).limits).toEqual([
      REQUESTS,
    ]);
    // Nobody else is woken by that.
    expect(await fetch(`${service.url}/metrics`).then((response) => response.text())).toMatch(
      /^oneapi_gateway_polls 1$/m,
    );
    await apply(config(test, { modelLimits: "[]" }));
    expect(await other).not.toHaveProperty("limits");
  });

  /** What is held by now, learnt by another epoch so that no note is taken. */
  const upToDateWithoutNotes = async (epoch: string) => ({ ...(await upToDate("ff")), epoch });

  it("follow a limit that is raised, lowered and taken away within a second", async () => {
    const made = await service.admin("POST", "/keys", {
      project: PROJECT,
      limits: [{ metric: "requests", window: "minute", amount: 10 }],
    });
    const { id } = made.body as { id: string };
    const counter = `key:${id}:requests:minute`;
    await granted("0a", counter, { reserved: 10 });
    expect(await granted("0b", counter, { need: 5 })).toMatchObject({ granted: 0, final: true });
    const change = async (limits: object[]) => {
      const patched = await service.admin("PATCH", `/keys/${id}`, { limits });
      expect(patched.status).toBe(200);
    };
    const held = await upToDateWithoutNotes("0b");
    await change([{ metric: "requests", window: "minute", amount: 13 }]);
    // Who waits is told, beside that the key's policy changed.
    await expect
      .poll(async () => (await service.sync(held)).limits, { timeout: AT_ONCE_MS, interval: 10 })
      .toEqual([counter]);
    expect(await granted("0b", counter, { need: 5 })).toMatchObject({ granted: 3, left: 0 });
    await change([{ metric: "requests", window: "minute", amount: 0 }]);
    await expect
      .poll(() => granted("0c", counter, { need: 1 }), { timeout: AT_ONCE_MS, interval: 10 })
      .toMatchObject({ granted: 0, left: 0, final: false });
    await change([]);
    await expect.poll(() => granted("0c", counter, { need: 1 }), { timeout: AT_ONCE_MS, interval: 10 }).toBeUndefined();
    await apply(config(test, { projectLimits: "[{metric: requests, window: minute, amount: 7}]" }));
    await expect
      .poll(() => granted("0d", REQUESTS, { need: 100 }), { timeout: AT_ONCE_MS, interval: 10 })
      .toMatchObject({ granted: 7 });
  });

  it("end with a gateway that is not heard of any more", async () => {
    const key = (await service.admin("GET", "/keys")).body as { items: { id: string }[] };
    const balance = `key:${key.items[0]?.id}:spend:none`;
    await report("0a", [
      claim(SLOTS, { reserved: 3 }),
      claim(TOKENS, { spent: 100, reserved: 4900 }),
      claim(balance, { spent: 1_000_000, reserved: 400_000_000 }),
    ]);
    await granted("0b", SLOTS, { need: 1 });
    // 100 prompt and 50 completion tokens at 1 and 2 USD a million, twice.
    const records = [1, 2].map((sequence) =>
      usageRecord(sequence, { key: key.items[0]?.id as string, requested_model: "vendor/chat:v1" }),
    );
    await service.sync({ epoch: "0a", records });
    // Not before the service itself has run for that long.
    clock.advance(11_000);
    await report("0b", []);
    clock.advance(2000);
    await expect
      .poll(async () => (await service.sync({ ...(await upToDateWithoutNotes("0b")), wait_ms: 100 })).limits, {
        timeout: LONG_MS,
      })
      .toEqual([SLOTS]);
    expect(await granted("0b", SLOTS, { need: 3 })).toMatchObject({ granted: 3 });
    // The hour keeps all that was granted; the balance is what the records make it, though more was reported.
    expect(await granted("0b", TOKENS, { need: 1 })).toMatchObject({ granted: 0, final: true });
    expect(await granted("0b", balance, { need: 500_000_000 })).toMatchObject({ granted: 500_000_000 - 400_000 });
    // Heard of again it goes on with its row.
    expect(await granted("0a", balance, { spent: 400_000, need: 1 })).toMatchObject({ granted: 400_000, left: 0 });
  });

  it.each([
    ["some of", 1],
    ["all of", 0],
  ])("of a gateway that is gone are what its records make them, though %s them come later", async (_which, early) => {
    const { items } = (await service.admin("GET", "/keys")).body as { items: { id: string; project: string }[] };
    const key = items.find(({ project }) => project === PROJECT)?.id as string;
    const balance = `key:${key}:spend:none`;
    const records = [1, 2, 3].map((sequence) =>
      usageRecord(sequence, {
        ...{ operation_id: `late-${test}-${sequence}`, created_at_ms: clock.now() },
        ...{ key, requested_model: "vendor/chat:v1" },
      }),
    );
    const epoch = `1a${test}`;
    const state = async () => (await service.admin("GET", `/limits/${balance}`)).body;
    await granted(epoch, balance, { spent: 600_000, reserved: 1_000_000 });
    if (early > 0) await service.sync({ epoch, records: records.slice(0, early) });
    clock.advance(13_000);
    await report("0b", []);
    const used = `${early * 0.0002}`;
    await expect.poll(state, { timeout: LONG_MS }).toMatchObject({ used, reserved: "0" });
    for (const late of [records.slice(early, 2), records.slice(2), records.slice(2)]) {
      await service.sync({ epoch, records: late, leases: { sequence: ++sequence, entries: [], gone: true } });
    }
    expect(await state()).toMatchObject({ used: "0.0006", reserved: "0" });
    expect((await service.admin("POST", "/ledger/verify")).body).toMatchObject({ balances: { wrong: 0 } });
    clock.advance(13_000);
    await report("0b", []);
    expect(await granted("0b", balance, { need: 500_000_000 })).toMatchObject({ granted: 500_000_000 - 600_000 });
  });

  it("are held for a gateway that reports, however little", async () => {
    await granted("0a", SLOTS, { reserved: 3 });
    for (let seconds = 0; seconds < 30; seconds += 5) {
      clock.advance(5000);
      await report("0a", []);
    }
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await granted("0b", SLOTS, { need: 1 })).toMatchObject({ granted: 0, final: true });
  });

  it("stay with gateways that could not be heard because the service itself stood still", async () => {
    await granted("0a", SLOTS, { need: 3 });
    clock.advance(13_000);
    await report("0a", [claim(SLOTS, { reserved: 3 })]);
    clock.advance(13_000);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4500);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await granted("0b", SLOTS, { need: 1 })).toMatchObject({ granted: 0 });
  });

  it("need the gateway's message to make sense", async () => {
    for (const entries of [[{ id: SLOTS }], [claim(SLOTS, { spent: -1 })], Array(1025).fill(claim(SLOTS))]) {
      const response = await fetch(`${service.url}/gateway/v1/sync`, {
        method: "POST",
        headers: { authorization: `Bearer ${service.services.gatewayToken}`, "content-type": "application/json" },
        body: JSON.stringify({ version: 1, node: "n", epoch: "0a", kind: "envoy", leases: { sequence: 1, entries } }),
      });
      expect(response.status).toBe(400);
      expect(JSON.stringify(await response.json())).toContain("leases.entries");
    }
  });
});

describe("leases without their counters", () => {
  it("are unavailable, soon, and the rest of the sync goes on", async () => {
    const [store] = testStores;
    if (store === undefined) throw new Error("there is no store");
    const database = await store.open();
    const service = await startTestService(database, { redisUrl: "redis://127.0.0.1:1" });
    try {
      await service.admin("PUT", "/config", config(1));
      const start = performance.now();
      const entries = [{ id: "project:search1:requests:minute", window: 0, spent: 0, reserved: 0, need: 1, keep: 0 }];
      const answer = await service.sync({ leases: { sequence: 1, entries }, records: [usageRecord(1)] });
      expect(answer).toMatchObject({ leases: { unavailable: true }, acknowledged: 1 });
      expect(performance.now() - start).toBeLessThan(AT_ONCE_MS);
      expect((await service.admin("GET", "/limits")).status).toBe(503);
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      expect(metrics).toMatch(/^oneapi_redis_errors_total [1-9]/m);
    } finally {
      await service.close();
    }
  });

  it("stay with gateways that could not be heard meanwhile", async (context) => {
    if (redisMissing !== null) return context.skip(redisMissing);
    const [store] = testStores;
    if (store === undefined) throw new Error("there is no store");
    const redis = await TestRedis.single();
    const service = await startTestService(await store.open(), { redisUrl: redis.url });
    const ask = async (epoch: string, reserved: number, need: number) => {
      const id = "provider:first1:concurrency:none";
      const entries = [{ id, window: 0, spent: 0, reserved, need, keep: 0 }];
      return (await service.sync({ epoch, leases: { sequence: Date.now(), entries } })).leases;
    };
    /** Lost holders are looked for every second. */
    const looks = () => new Promise((resolve) => setTimeout(resolve, 2500));
    try {
      await service.admin("PUT", "/config", config(1));
      expect(await ask("0a", 0, 3)).toMatchObject({ entries: [{ granted: 3 }] });
      await redis.kill();
      // Longer than silence may last. Nobody asks meanwhile: this instance notices by itself.
      service.services.clock.advance(30_000);
      await looks();
      await redis.start();
      await expect.poll(async () => (await service.admin("GET", "/limits")).status, { timeout: LONG_MS }).toBe(200);
      await looks();
      expect(await ask("0b", 0, 1)).toMatchObject({ entries: [{ granted: 0 }] });
      service.services.clock.advance(11_000);
      expect(await ask("0a", 3, 0)).toMatchObject({ entries: [{ granted: 3 }] });
    } finally {
      await service.close();
      await redis.close();
    }
  });
});
