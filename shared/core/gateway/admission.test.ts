import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { ByteWriter } from "../byte-writer.ts";
import { Gateway } from "./gateway.ts";
import { type Operation, READY, REFUSED, WAIT } from "./operation.ts";
import { rateHeaders } from "./rate-headers.ts";
import { Sync } from "./sync.ts";

/** 20 s into a minute. */
const NOW = 1_790_000_000_000;
const MINUTE = Math.floor(NOW / 60_000) * 60_000;
const KEY = Buffer.from("sk-of-a-test-0123456789");
const RATES = { input: 1_000_000_000, cached_input: 100_000_000, cache_write: 1_250_000_000, output: 4_000_000_000 };

interface Claim {
  id: string;
  window: number;
  spent: number;
  reserved: number;
  need: number;
  keep: number;
}

interface Push {
  leases?: { sequence: number; entries: Claim[] };
  operations?: Record<string, unknown>[];
  records: Record<string, unknown>[];
  keys: string[];
}

let gateway: Gateway;
let sync: Sync;
let now: number;
beforeEach(() => {
  now = NOW;
  gateway = new Gateway("0000abcd", 1);
  sync = new Sync(gateway, "node", "0000abcd", "envoy");
});

function bytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** Gives the gateway its configuration and what the key may do. */
function open(policy: object, more: { providers?: object[]; model?: object } = {}): void {
  const provider = { kind: "openai", authority: "p.example", path: "/v1" };
  const config = {
    version: "1",
    providers: more.providers ?? [{ ...provider, name: "p" }],
    models: [{ name: "m", targets: [{ provider: "p", model: "up", rates: RATES }], retries: 0, ...more.model }],
  };
  sync.poll(now, new ByteWriter(0));
  sync.polled(bytes({ version: 1, config_version: "1", key_revision: 0, config }), now);
  begin();
  const hash = createHash("sha256").update(KEY).digest("hex");
  const known = { known: true, id: "k1", project: "x", user: null, status: "active", ttl_ms: 300_000, models: [] };
  answer({ keys: [{ hash, ...known, ...policy }] });
}

function begin(): Operation {
  const operation = gateway.open(now);
  gateway.authorize(operation, "POST", "/v1/chat/completions", KEY, 0, KEY.length, now);
  return operation;
}

function submit(body: object = {}): [Operation, number] {
  const operation = begin();
  const state = gateway.submit(
    operation,
    bytes({ model: "m", messages: [{ role: "user", content: "Hi" }], ...body }),
    now,
  );
  return [operation, state];
}

function push(): Push | null {
  const out = new ByteWriter(0);
  return sync.push(now, out) ? (JSON.parse(Buffer.from(out.take()).toString()) as Push) : null;
}

/** Takes the next push and answers it. */
function answer(more: object = {}): Push | null {
  const sent = push();
  sync.pushed(bytes({ version: 1, now_ms: now, key_revision: 0, acknowledged: 0, keys: [], ...more }), now);
  return sent;
}

/** Grants what a limit is asked for. */
function grant(id: string, granted: number, more: object = {}): Push | null {
  const window = id.endsWith(":minute") ? MINUTE : 0;
  const entries = [{ id, window, granted, left: 0, edge: true, final: false, ...more }];
  return answer({ leases: { sequence: 1, ttl_ms: 10_000, entries } });
}

/** Ends the operation after an answer of so many tokens. */
function end(operation: Operation, prompt: number, completion: number): void {
  const attempt = gateway.attempt(operation, "", now);
  if (attempt === null) throw new Error("no attempt");
  Object.assign(attempt.exchange.usage, { prompt, completion, source: 1 });
  attempt.complete = true;
  gateway.close(operation, false, now);
}

function limit(id: string, amount: number): object {
  const [, metric, window] = /:([a-z]+):([a-z]+)$/.exec(id) as unknown as [string, string, string];
  return { id, metric, window, amount };
}

const REQUESTS = "key:k1:requests:minute";

describe("a limit", () => {
  test("makes the first operation wait for its share, and tells what is needed", () => {
    open({ limits: [limit(REQUESTS, 5)] });
    const [operation, state] = submit();
    expect(state).toBe(WAIT);
    const sent = grant(REQUESTS, 3);
    expect(sent?.leases?.entries).toEqual([{ id: REQUESTS, window: MINUTE, spent: 0, reserved: 0, need: 1, keep: 0 }]);
    expect(gateway.resume(operation, now)).toBe(READY);
    expect([submit()[1], submit()[1], submit()[1]]).toEqual([READY, READY, WAIT]);
  });

  test("that is used up refuses with its name, when it comes back, and OpenAI's headers", () => {
    open({ limits: [limit(REQUESTS, 5)] });
    const [operation] = submit();
    grant(REQUESTS, 0, { final: true });
    expect(gateway.resume(operation, now)).toBe(REFUSED);
    expect(operation.problem).toMatchObject({
      status: 429,
      type: "requests",
      code: "rate_limit_exceeded",
      retryAfter: 40,
    });
    expect(operation.problem?.message).toBe(
      "Rate limit reached for this API key: requests per minute, limit 5. Please try again in 40 s.",
    );
    expect(rateHeaders(operation, now)).toEqual([
      ...["x-ratelimit-limit-requests", "5"],
      ...["x-ratelimit-remaining-requests", "0"],
      ...["x-ratelimit-reset-requests", "40s"],
    ]);
  });

  test("that is used up asks nobody for a moment, then again", () => {
    open({ limits: [limit(REQUESTS, 5)] });
    const [operation] = submit();
    grant(REQUESTS, 0, { final: true });
    gateway.resume(operation, now);
    now += 249;
    expect(submit()[1]).toBe(REFUSED);
    now += 1;
    expect(submit()[1]).toBe(WAIT);
  });

  test("is waited for no longer than the project says, without a final word", () => {
    open({ limits: [limit(REQUESTS, 5)], admission_wait_ms: 150 });
    const [operation] = submit();
    grant(REQUESTS, 0);
    now += 149;
    expect(gateway.resume(operation, now)).toBe(WAIT);
    now += 1;
    expect(gateway.resume(operation, now)).toBe(REFUSED);
    expect(operation.problem?.status).toBe(429);
  });

  test("that the control service does not know any more binds nobody", () => {
    open({ limits: [limit(REQUESTS, 5)] });
    const [operation] = submit();
    answer({ leases: { sequence: 1, ttl_ms: 10_000, entries: [] } });
    expect(gateway.resume(operation, now)).toBe(READY);
  });

  test("is counted anew in the next window", () => {
    open({ limits: [limit(REQUESTS, 1)] });
    const [operation] = submit();
    grant(REQUESTS, 1);
    expect(gateway.resume(operation, now)).toBe(READY);
    now = MINUTE + 60_000;
    const [next, state] = submit();
    expect(state).toBe(WAIT);
    const entries = [{ id: REQUESTS, window: now, granted: 1, left: 0 }];
    const sent = answer({ leases: { sequence: 2, ttl_ms: 10_000, entries } });
    expect(sent?.leases?.entries).toMatchObject([{ window: now, spent: 0, reserved: 0, need: 1 }]);
    expect(gateway.resume(next, now)).toBe(READY);
  });

  test("of which there are several is taken whole or not at all", () => {
    const TOKENS = "project:x:tokens:minute";
    open({ limits: [limit(REQUESTS, 5), limit(TOKENS, 1000)] });
    const [operation] = submit({ max_tokens: 100 });
    const grants = (tokens: number) => {
      const entries = [
        { id: REQUESTS, window: MINUTE, granted: 1, left: 0 },
        { id: TOKENS, window: MINUTE, granted: tokens, left: 0 },
      ];
      return answer({ leases: { sequence: 1, ttl_ms: 10_000, entries } });
    };
    grants(50);
    expect(gateway.resume(operation, now)).toBe(WAIT);
    now += 100;
    expect(gateway.resume(operation, now)).toBe(WAIT);
    const told = grants(500)?.leases?.entries.find(({ id }) => id === REQUESTS);
    expect(told).toMatchObject({ reserved: 0, need: 1 });
    expect(gateway.resume(operation, now)).toBe(READY);
  });

  test("of a model counts within the project, and of a provider over everything", () => {
    const provider = { name: "p", kind: "openai", authority: "p.example", path: "/v1" };
    open(
      {},
      {
        providers: [{ ...provider, limits: [limit("provider:p:concurrency:none", 2)] }],
        model: { limits: [{ metric: "requests", window: "minute", amount: 7 }] },
      },
    );
    expect(submit()[1]).toBe(WAIT);
    const ids = push()?.leases?.entries.map(({ id }) => id);
    expect(ids?.sort()).toEqual(["model:x/m:requests:minute", "provider:p:concurrency:none"]);
  });

  test("of a provider that is full leads to an order that begins with another", () => {
    const provider = { kind: "openai", path: "/v1" };
    open(
      {},
      {
        providers: [
          { ...provider, name: "p", authority: "p.example", limits: [limit("provider:p:requests:minute", 0)] },
          { ...provider, name: "q", authority: "q.example" },
        ],
        model: {
          targets: [
            { provider: "p", model: "a" },
            { provider: "q", model: "b" },
          ],
          retries: 1,
        },
      },
    );
    for (let i = 0; i < 8; i++) {
      const [operation, state] = submit();
      expect(state).toBe(READY);
      expect(operation.order[0]).toBe(1);
    }
  });
});

describe("tokens and money", () => {
  const TOKENS = "key:k1:tokens:minute";
  const SPEND = "project:x:spend:none";

  test("are reserved by the most that a call may take, and settled to what it took", () => {
    open({ limits: [limit(TOKENS, 100_000), limit(SPEND, 10_000_000_000)] });
    const [operation] = submit({ max_tokens: 100, n: 2 });
    const asked = push()?.leases?.entries ?? [];
    const need = (id: string) => asked.find((entry) => entry.id === id)?.need ?? 0;
    const prompt = need(TOKENS) - 200;
    expect(prompt).toBeGreaterThan(0);
    expect(need(SPEND)).toBe(prompt * 1250 + 200 * 4000);
    const grants = asked.map(({ id, window, need }) => ({ id, window, granted: need, left: 0, edge: true }));
    const leases = { sequence: 1, ttl_ms: 10_000, entries: grants };
    sync.pushed(bytes({ version: 1, now_ms: now, key_revision: 0, acknowledged: 0, keys: [], leases }), now);
    expect(gateway.resume(operation, now)).toBe(READY);
    end(operation, 10, 50);
    now += 250;
    const told = push()?.leases?.entries ?? [];
    expect(told.find(({ id }) => id === TOKENS)).toMatchObject({ spent: 60, reserved: 0, keep: 0 });
    expect(told.find(({ id }) => id === SPEND)).toMatchObject({ spent: 10 * 1000 + 50 * 4000, reserved: 0 });
  });

  test("of a call that says no maximum may be fewer than is usual, when no more is to be had", () => {
    open({ limits: [limit(TOKENS, 5000)] });
    const [first] = submit();
    expect(push()?.leases?.entries).toMatchObject([{ id: TOKENS, need: expect.any(Number) }]);
    const give = (granted: number) => {
      const entries = [{ id: TOKENS, window: MINUTE, granted, left: 0, edge: true }];
      const leases = { sequence: 1, ttl_ms: 10_000, entries };
      sync.pushed(bytes({ version: 1, now_ms: now, key_revision: 0, acknowledged: 0, keys: [], leases }), now);
    };
    give(700);
    expect(gateway.resume(first, now)).toBe(READY);
    const [second, state] = submit();
    expect(state).toBe(WAIT);
    push();
    give(700);
    expect(gateway.resume(second, now)).toBe(WAIT);
    end(first, 10, 90);
    expect(gateway.resume(second, now)).toBe(READY);
    end(second, 10, 90);
    now += 250;
    expect(push()?.leases?.entries).toMatchObject([{ id: TOKENS, spent: 200, reserved: 0 }]);
  });

  test("of a call that says no maximum are cut to the whole limit; of one that says so, it is refused", () => {
    open({ limits: [limit(TOKENS, 500)] });
    expect(submit({ max_tokens: 600 })[0].problem?.message).toMatch(
      /^Request too large for this API key: tokens per minute, limit 500, requested 6\d\d\./,
    );
    expect(submit()[1]).toBe(WAIT);
    expect(push()?.leases?.entries).toMatchObject([{ id: TOKENS, need: 500 }]);
  });

  test("of a budget that is spent answer insufficient_quota", () => {
    open({ limits: [limit(SPEND, 10_000_000_000)] });
    const [operation] = submit({ max_tokens: 10 });
    grant(SPEND, 0, { final: true });
    expect(gateway.resume(operation, now)).toBe(REFUSED);
    expect(operation.problem).toMatchObject({ status: 429, type: "insufficient_quota", code: "insufficient_quota" });
    expect(operation.problem?.message).toBe("The prepaid balance of the project `x` is used up (spend).");
  });

  test("of a model without a price cannot be counted: it is refused under a budget, unless the project lets it through", () => {
    const unpriced = { model: { targets: [{ provider: "p", model: "up" }] } };
    open({ limits: [limit(SPEND, 10_000_000_000)] }, unpriced);
    expect(submit()[0].problem).toMatchObject({ status: 403, code: "model_not_priced", param: "model" });
    open({ limits: [limit(SPEND, 10_000_000_000)], unpriced: "allow" }, unpriced);
    expect(submit()[1]).toBe(READY);
  });
});

describe("without the control service", () => {
  const lose = () => {
    push();
    sync.pushFailed(now);
  };

  test("an operation that needs it is refused, or served and counted afterwards, as the project wants", () => {
    open({ limits: [limit(REQUESTS, 5)] });
    const [closed] = submit();
    lose();
    expect(gateway.resume(closed, now)).toBe(REFUSED);
    expect(closed.problem).toMatchObject({ status: 503, code: "control_unavailable" });
  });

  test("a project that fails open is served, and what was spent is told when it is back", () => {
    open({ limits: [limit(REQUESTS, 5)], on_control_loss: "fail_open" });
    const [operation] = submit();
    lose();
    expect(gateway.resume(operation, now)).toBe(READY);
    end(operation, 1, 1);
    now += 3000;
    expect(push()?.leases?.entries).toMatchObject([{ id: REQUESTS, spent: 1, reserved: 0 }]);
    expect(gateway.admission.uncounted).toBe(1);
  });

  test("leases lapse after their time to live", () => {
    open({ limits: [limit(REQUESTS, 5)] });
    const [operation] = submit();
    grant(REQUESTS, 3);
    gateway.resume(operation, now);
    now += 9000;
    expect(submit()[1]).toBe(READY);
    now += 1001;
    push();
    expect(submit()[1]).toBe(WAIT);
  });

  test("for longer than a moment, projects that fail closed are refused though nothing limits them", () => {
    open({});
    gateway.keys.want("0".repeat(64));
    lose();
    now += 9999;
    expect(begin().problem).toBeNull();
    now += 1;
    expect(begin().problem).toMatchObject({ status: 503, code: "control_unavailable" });
  });
});

describe("strict accounting", () => {
  test("opens an operation in the store before a provider is asked", () => {
    open({ accounting: "strict" });
    const [operation, state] = submit();
    expect(state).toBe(WAIT);
    const sent = answer({ opened: true });
    expect(sent?.operations).toMatchObject([
      { operation_id: operation.id, key: "k1", project: "x", requested_model: "m", served_model: "up", provider: "p" },
    ]);
    expect(gateway.resume(operation, now)).toBe(READY);
  });

  test("holds the end of the answer until the record is stored", () => {
    open({ accounting: "strict" });
    const [operation] = submit();
    answer({ opened: true });
    gateway.resume(operation, now);
    end(operation, 1, 1);
    expect(gateway.mayEnd(operation, now)).toBe(false);
    expect(answer({ acknowledged: 1 })?.records).toHaveLength(1);
    expect(gateway.mayEnd(operation, now)).toBe(true);
  });

  test("refuses when it cannot be opened in time, and tells of it again when the message was lost", () => {
    open({ accounting: "strict" });
    const [operation] = submit();
    expect(push()?.operations).toHaveLength(1);
    sync.pushFailed(now);
    expect(gateway.resume(operation, now)).toBe(REFUSED);
    expect(operation.problem).toMatchObject({ status: 503, code: "control_unavailable" });
    now += 100;
    expect(push()?.operations).toHaveLength(1);
  });
});
