import { capabilitiesOf, syncResponseSchema } from "@oneapi/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { usageRecord } from "../ledger/testing.ts";
import { currentRevision } from "../store/revisions.ts";
import { testStores } from "../testing.ts";
import { CONFIG, hashKey, SECRET, startTestService, type TestService } from "./testing.ts";

/** What "at once" means on a busy machine; a poll that is not woken would wait ten times as long. */
const AT_ONCE_MS = 1000;
const LONG_MS = 10 * AT_ONCE_MS;

/** Of the model `chat`: 1 and 2 USD per million tokens. */
const RATES = {
  ...{ input: 1e9, cached_input: 1e9, cache_write: 1e9, output: 2e9, reasoning: 2e9 },
  ...{ image: 0, tiers: [] },
};

describe.each(testStores)("POST /gateway/v1/sync on $name", ({ open, skip }) => {
  let service: TestService;
  let epoch = 0;

  beforeAll(async () => {
    if (skip === null) service = await startTestService(await open());
  });
  afterAll(() => service?.close());
  beforeEach(async (context) => {
    if (skip !== null) context.skip(skip);
    epoch++;
    expect((await service.admin("PUT", "/config", CONFIG)).status).toBe(200);
    const revision = Number(await currentRevision(service.services.database.query, "keys"));
    await becomes(async () => {
      const { config, key_revision } = await service.sync();
      return config?.models.length === 1 && key_revision === revision;
    });
  });

  /** Waits until something holds: notifications of PostgreSQL come a moment after the commit. */
  const becomes = async (holds: () => Promise<boolean>) => {
    const end = performance.now() + LONG_MS;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error("it did not come true");
    }
  };
  const held = async () => {
    const { config_version, key_revision } = await service.sync();
    return { config_version, key_revision };
  };
  const post = (body: unknown, token = service.services.gatewayToken) =>
    fetch(`${service.url}/gateway/v1/sync`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const hello = { version: 1, node: "envoy-1", epoch: "0a", kind: "envoy" };

  it("answers with the configuration, and without it to who holds it", async () => {
    const first = await service.sync();
    expect(syncResponseSchema.parse(first)).toEqual(first);
    expect(first.config).toEqual({
      version: first.config_version,
      providers: [
        {
          name: "first",
          kind: "openai",
          authority: "api.first.example",
          tls: true,
          path: "/v1",
          query: "",
          credentials: ["sk-first-0000000000"],
          timeouts: { connect_ms: 2000, first_token_ms: 60_000, idle_ms: 60_000, total_ms: 600_000 },
          options: {},
          limits: [],
          disabled: false,
        },
        {
          name: "second",
          kind: "vllm",
          authority: "127.0.0.1:8000",
          tls: false,
          path: "/v1",
          query: "tenant=a",
          credentials: [],
          timeouts: { connect_ms: 2000, first_token_ms: 60_000, idle_ms: 60_000, total_ms: 600_000 },
          options: {},
          limits: [],
          disabled: false,
        },
      ],
      models: [
        {
          name: "chat",
          targets: [
            {
              ...{ provider: "first", model: "gpt-x", priority: 0, weight: 3, rates: RATES },
              capabilities: { ...capabilitiesOf("openai", "gpt-x"), max_output: 7000, stream_only: true },
            },
            {
              ...{ provider: "second", model: "qwen", priority: 1, weight: 1, rates: RATES },
              capabilities: { refuses: ["seed"], max_output: 9000 },
            },
          ],
          retries: 2,
          unsupported: "drop",
          limits: [],
          disabled: false,
        },
      ],
    });
    const again = await service.sync({ config_version: first.config_version, key_revision: first.key_revision });
    expect(again).not.toHaveProperty("config");
    expect(again).toMatchObject({
      config_version: first.config_version,
      keys_reset: false,
      changed_keys: [],
      keys: [],
    });
  });

  it("resolves keys, known and unknown, in the order asked", async () => {
    const unknown = hashKey("nobody has this one");
    const { keys } = await service.sync({ keys: [unknown, hashKey(SECRET)] });
    expect(keys).toEqual([
      { hash: unknown, known: false, ttl_ms: 10_000 },
      {
        hash: hashKey(SECRET),
        known: true,
        ttl_ms: 300_000,
        id: expect.any(String),
        project: "search",
        user: null,
        status: "active",
        expires_at_ms: null,
        models: [["chat"]],
        allowed_ips: ["10.0.0.0/8"],
        limits: [],
        accounting: "leased",
        on_control_loss: "fail_closed",
        unpriced: "reject",
        prices: [],
        admission_wait_ms: 400,
      },
    ]);
  });

  it("tells of a key that is made, disabled, and disabled with its project", async () => {
    const made = await service.admin("POST", "/keys", { project: "search", name: "new" });
    const { id, secret } = made.body as { id: string; secret: string };
    const hash = hashKey(secret);
    const status = async () => {
      const [key] = (await service.sync({ keys: [hash] })).keys;
      return key?.known ? key.status : "unknown";
    };
    await becomes(async () => (await status()) === "active");
    const change = async (path: string, disabled: boolean) => {
      const before = await held();
      const poll = service.sync({ ...before, wait_ms: LONG_MS });
      const start = performance.now();
      expect((await service.admin("PATCH", path, { disabled })).status).toBe(200);
      const news = await poll;
      expect(performance.now() - start).toBeLessThan(AT_ONCE_MS);
      expect(news.key_revision).toBeGreaterThan(before.key_revision);
      expect(news.changed_keys).toContain(hash);
      // What the gateway then asks for must be the new state, though this service had the old one in its memory.
      expect(await status()).toBe(disabled ? "disabled" : "active");
    };
    await change(`/keys/${id}`, true);
    await change(`/keys/${id}`, false);
    await change("/projects/search", true);
    await change("/projects/search", false);
  });

  it.each([
    ["a provider", "/providers/second", "providers"],
    ["a model", "/models/chat", "models"],
  ] as const)("brings %s that is disabled to a waiting gateway at once", async (_what, path, section) => {
    for (const disabled of [true, false]) {
      const poll = service.sync({ ...(await held()), wait_ms: LONG_MS });
      const start = performance.now();
      await service.admin("PATCH", path, { disabled });
      const { config } = await poll;
      expect(performance.now() - start).toBeLessThan(AT_ONCE_MS);
      const entry = config?.[section].find(({ name }) => path.endsWith(name));
      expect(entry?.disabled).toBe(disabled);
    }
  });

  it("holds a poll for as long as it was asked to when nothing changes", async () => {
    const start = performance.now();
    const before = await held();
    const answer = await service.sync({ ...before, wait_ms: 300 });
    const waited = performance.now() - start;
    expect(waited).toBeGreaterThanOrEqual(295);
    expect(waited).toBeLessThan(300 + AT_ONCE_MS);
    expect(answer).toMatchObject({ ...before, keys_reset: false, changed_keys: [] });
  });

  it("answers a poll at once that brings records or asks for keys", async () => {
    const source = { epoch: `b${epoch}`, ...(await held()), wait_ms: LONG_MS };
    const start = performance.now();
    await service.sync({ ...source, keys: [hashKey(SECRET)] });
    const id = `poll-${epoch}`;
    expect((await service.sync({ ...source, records: [usageRecord(1, { operation_id: id })] })).acknowledged).toBe(1);
    expect(performance.now() - start).toBeLessThan(2 * AT_ONCE_MS);
  });

  it("lets go of a poll whose gateway hangs up", async () => {
    const gone = new AbortController();
    const poll = service.sync({ ...(await held()), wait_ms: LONG_MS }, gone.signal);
    const polls = async () =>
      /^oneapi_gateway_polls (\d+)$/m.exec(await (await fetch(`${service.url}/metrics`)).text())?.[1];
    await becomes(async () => (await polls()) === "1");
    gone.abort();
    await expect(poll).rejects.toThrow();
    await becomes(async () => (await polls()) === "0");
  });

  it("forgets nothing that a gateway missed, and resets one from another database", async () => {
    const before = await held();
    await service.admin("POST", "/keys", { project: "search", name: "one" });
    await service.admin("POST", "/keys", { project: "search", name: "two" });
    await becomes(async () => (await service.sync(before)).changed_keys.length === 2);
    expect(await service.sync({ key_revision: 1_000_000_000 })).toMatchObject({ keys_reset: true, changed_keys: [] });
    expect(await service.sync({ key_revision: -1 })).toMatchObject({ keys_reset: true });
  });

  it("stores records once and acknowledges them, and names what is wrong with others", async () => {
    const source = { epoch: `c${epoch}` };
    const id = (sequence: number) => `records-${epoch}-${sequence}`;
    const records: unknown[] = [1, 2, 3, 4].map((sequence) => usageRecord(sequence, { operation_id: id(sequence) }));
    records[3] = { ...(records[3] as object), usage: { prompt_tokens: "many" } };
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => service.sync({ ...source, records })));
    for (const { acknowledged, rejected } of answers) {
      expect(acknowledged).toBe(4);
      expect(rejected?.map(({ path }) => path)).toEqual(["records[3].usage.prompt_tokens"]);
    }
    expect((await service.sync(source)).acknowledged).toBe(4);
    const { body } = await service.admin("GET", `/records?operation_id=${id(2)}`);
    expect(body).toMatchObject({
      items: [{ operation_id: id(2), cost_nano_usd: 200_000, gateway: "envoy-1" }],
      next: null,
    });
  });

  it("stores what a provider could use to block the queue", async () => {
    const operation_id = `hostile-${epoch}`;
    const record = usageRecord(1, { operation_id, requested_model: null, latency_ms: -5 });
    const usage = '{"__proto__":{"a":1},"constructor":{"prototype":{"b":2}},"prompt_tokens":1e999}';
    const body = JSON.stringify({ ...hello, epoch: `e${epoch}`, records: [{ ...record, raw_usage: "RAW" }] });
    const response = await post(body.replace('"RAW"', usage));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ acknowledged: 1 });
    const { body: page } = await service.admin("GET", `/records?operation_id=${operation_id}`);
    expect(page).toMatchObject({
      items: [{ operation_id, requested_model: null, latency_ms: 0, price_version: "unpriced" }],
    });
    expect(({} as { a?: number }).a).toBeUndefined();
  });

  it("shows how many gateways there are", async () => {
    await service.sync({ node: `kong-${epoch}`, kind: "kong" });
    const text = await (await fetch(`${service.url}/metrics`)).text();
    expect(text).toMatch(/^oneapi_gateways{kind="kong"} [1-9]/m);
    expect(text).toMatch(/^oneapi_gateways{kind="envoy"} [1-9]/m);
    expect(text).toMatch(/^oneapi_config_info{version="[0-9a-f]{16}"} 1$/m);
  });

  it("counts refused operations once, however often they are told", async () => {
    const total = async () => {
      const text = await (await fetch(`${service.url}/metrics`)).text();
      return Number(/oneapi_unauthenticated_operations_total\{gateway="counted"\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    const before = await total();
    const tell = (sequence: number) =>
      service.sync({ node: "counted", epoch: `d${epoch}`, unauthenticated: { sequence } });
    for (const sequence of [3, 3, 5, 4]) await tell(sequence);
    expect((await total()) - before).toBe(5);
  });

  it.each([
    ["another version", { ...hello, version: 2 }, "version", "speaks version 1"],
    ["no epoch", { ...hello, epoch: undefined }, "epoch", ""],
    ["a key that is no hash", { ...hello, keys: ["sk-oa-secret"] }, "keys[0]", "SHA-256"],
    ["too many records", { ...hello, records: Array(1001).fill({}) }, "records", ""],
    ["no object", "[]", "", ""],
  ])("refuses %s and says where", async (_what, body, path, message) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
    const { errors } = (await response.json()) as { errors: { path: string; message: string }[] };
    const [first] = errors;
    expect(first?.path).toBe(path);
    expect(first?.message).toContain(message);
  });

  it("ignores fields that it does not know", async () => {
    const response = await post({ ...hello, tomorrow: [{ metric: "tokens" }], wait_ms: 0 });
    expect(response.status).toBe(200);
  });

  it("lets nobody in without the gateway token", async () => {
    for (const token of ["", "wrong", service.services.adminToken]) {
      const response = await post(hello, token);
      expect(response.status).toBe(401);
      expect(response.headers.get("content-type")).toContain("application/problem+json");
    }
  });
});

describe.each(testStores)("the end of the service on $name", ({ open, skip }) => {
  it("answers every poll", async (context) => {
    if (skip !== null) context.skip(skip);
    const service = await startTestService(await open());
    const { config_version, key_revision } = await service.sync();
    const polls = Array.from({ length: 20 }, () => service.sync({ config_version, key_revision, wait_ms: LONG_MS }));
    const held = async () => (await (await fetch(`${service.url}/metrics`)).text()).includes("oneapi_gateway_polls 20");
    const end = performance.now() + LONG_MS;
    while (!(await held())) expect(performance.now()).toBeLessThan(end);
    const start = performance.now();
    await service.close();
    for (const answer of await Promise.all(polls)) expect(answer.config_version).toBe(config_version);
    expect(performance.now() - start).toBeLessThan(5 * AT_ONCE_MS);
  });
});
