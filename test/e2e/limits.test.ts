/** Limits through the real gateway: exactly as many pass as may, on two workers and on two gateways. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { flood, keyOf, type LimitsWorld, leaveInMinute, startLimitsWorld, tally } from "./limits-world.ts";
import { until } from "./until.ts";

const requests = (amount: number) => ({ metric: "requests", window: "minute", amount });
const tokens = (amount: number) => ({ metric: "tokens", window: "minute", amount });

describe.each([
  { name: "one gateway of two workers", gateways: 1, workers: 2 },
  { name: "two gateways", gateways: 2, workers: 1 },
])("limits on $name", ({ gateways, workers }) => {
  let world: LimitsWorld;
  beforeAll(async () => {
    world = await startLimitsWorld(
      {
        hundred: { limits: [requests(100)] },
        several: {
          limits: [requests(1000), tokens(100_000), { metric: "concurrency", amount: 50 }],
          keys: { limits: [requests(30)] },
        },
        unbounded: { limits: [{ metric: "spend", window: "none", amount: 0.001 }] },
        balance: { limits: [{ metric: "spend", window: "none", amount: 0.001 }] },
        small: { limits: [tokens(100)] },
        rest: { limits: [tokens(5000)] },
        slots: { limits: [{ metric: "concurrency", amount: 5 }] },
        nothing: { limits: [requests(0)] },
        raised: {},
      },
      { gateways, workers },
    );
    // Every worker has met every key.
    for (const project of ["hundred", "several"]) await flood(world, project, 0);
  });
  afterAll(() => world?.stop());
  beforeEach(() => {
    world.upstream.clearScript();
    world.upstream.clearLog();
  });

  it("let exactly 100 of 200 parallel requests pass", async () => {
    await leaveInMinute(15_000);
    const answers = await flood(world, "hundred", 200);
    expect(tally(answers)).toEqual({ 200: 100, 429: 100 });
    expect(world.upstream.log()).toHaveLength(100);
    const refused = answers.find(({ status }) => status === 429);
    expect(JSON.parse(refused?.text ?? "").error).toMatchObject({
      type: "requests",
      code: "rate_limit_exceeded",
      param: null,
    });
    expect(JSON.parse(refused?.text ?? "").error.message).toMatch(/project `hundred`: requests per minute, limit 100/);
    expect(Number(refused?.headers["retry-after"])).toBeGreaterThan(0);
    expect(refused?.headers).toMatchObject({
      "x-ratelimit-limit-requests": "100",
      "x-ratelimit-remaining-requests": "0",
    });
    const passed = answers.find(({ status }) => status === 200);
    expect(passed?.headers["x-ratelimit-limit-requests"]).toBe("100");
    expect(passed?.headers["x-ratelimit-reset-requests"]).toMatch(/^(\d+m)?\d+m?s$/);
  });

  it("hold for the tightest of several", async () => {
    await leaveInMinute(15_000);
    const answers = await flood(world, "several", 60, { max_tokens: 10 });
    expect(tally(answers)).toEqual({ 200: 30, 429: 30 });
  });

  it("let exactly 10 of 50 parallel requests of 100 units spend a balance of 1,000", async () => {
    world.upstream.script({ times: 0, usage: { prompt_tokens: 5, completion_tokens: 100, total_tokens: 105 } });
    const answers = await flood(world, "balance", 50, { max_tokens: 100 });
    expect(tally(answers)).toEqual({ 200: 10, 429: 40 });
    const refused = answers.find(({ status }) => status === 429);
    expect(JSON.parse(refused?.text ?? "").error).toMatchObject({
      type: "insufficient_quota",
      code: "insufficient_quota",
    });
    const records = await until(
      "records",
      () => world.gateway.records({ project: "balance", outcome: "ok" }),
      (list) => list.length === 10,
    );
    expect(records.reduce((sum, record) => sum + (record.cost_nano_usd ?? 0), 0)).toBe(1_000_000);
  });

  it("let no more than a balance be spent by requests that say no maximum", async () => {
    world.upstream.script({ times: 0, usage: { prompt_tokens: 5, completion_tokens: 100, total_tokens: 105 } });
    // Near its end they pass one after another, as many in a round as the machine lets come to their end.
    let passed = 0;
    await until(
      "the balance to be spent",
      async () => {
        passed += tally(await flood(world, "unbounded", 20))[200] ?? 0;
        return passed;
      },
      () => passed >= 10,
      60_000,
    );
    expect(passed).toBe(10);
    expect(tally(await flood(world, "unbounded", 5))).toEqual({ 429: 5 });
  });

  it("let none of 100 parallel requests of 200 tokens pass a limit of 100 tokens", async () => {
    const answers = await flood(world, "small", 100, { max_tokens: 200 });
    expect(tally(answers)).toEqual({ 429: 100 });
    expect(world.upstream.log()).toHaveLength(0);
  });

  it("give back what was reserved in vain: the remainder is exactly admissible", async () => {
    await leaveInMinute(15_000);
    world.upstream.script({ times: 0, usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 } });
    const load = tally(await flood(world, "rest", 30, { max_tokens: 150 }));
    expect(load[200]).toBeGreaterThan(10);
    const left = 5000 - 30 * (load[200] ?? 0);
    await sleep(1000);
    world.upstream.clearScript();
    // The whole remainder, less what the prompt is estimated at, fits; one token more does not.
    const prompt = await promptEstimate();
    expect(tally(await flood(world, "rest", 1, { max_tokens: left - prompt + 1 }))).toEqual({ 429: 1 });
    expect(tally(await flood(world, "rest", 1, { max_tokens: left - prompt }))).toEqual({ 200: 1 });
  });

  /** What the gateway estimates the tests' prompt at: the refusal of a request that is too large tells. */
  async function promptEstimate(): Promise<number> {
    const [answer] = await flood(world, "small", 1, { max_tokens: 1000 });
    const requested = /requested (\d+)/.exec(answer?.text ?? "")?.[1];
    return Number(requested) - 1000;
  }

  it("let no more than 5 run at a time, and the next when one has ended", async () => {
    world.upstream.script({ times: 0, delay_ms: 1500 });
    const answers = await flood(world, "slots", 20);
    expect(tally(answers)).toEqual({ 200: 5, 429: 15 });
    world.upstream.clearScript();
    await sleep(300);
    expect(tally(await flood(world, "slots", 5))).toEqual({ 200: 5 });
  });

  it("of 0 admit nothing", async () => {
    expect(tally(await flood(world, "nothing", 4))).toEqual({ 429: 4 });
  });

  it("refuse streams, completions and embeddings alike", async () => {
    await leaveInMinute(10_000);
    const answers = await flood(world, "nothing", 2, { stream: true });
    expect(tally(answers)).toEqual({ 429: 2 });
    for (const [path, body] of [
      ["/completions", { model: "m", prompt: "hi" }],
      ["/embeddings", { model: "m", input: "hi" }],
    ] as const) {
      const answer = await world.gateway.send(path, keyOf("nothing"), body);
      expect(answer.status, path).toBe(429);
      expect(JSON.parse(answer.text).error.code).toBe("rate_limit_exceeded");
    }
  });

  it("that are raised are in force within a second", async () => {
    await leaveInMinute(15_000);
    const made = await world.gateway.adminJson<{ id: string; secret: string }>("POST", "/keys", {
      project: "raised",
      name: "by REST",
      limits: [requests(2)],
    });
    expect(tally(await flood(world, "raised", 4, {}, made.secret))).toEqual({ 200: 2, 429: 2 });
    await world.gateway.adminJson("PATCH", `/keys/${made.id}`, { limits: [requests(10)] });
    await sleep(1000);
    expect(tally(await flood(world, "raised", 10, {}, made.secret))).toEqual({ 200: 8, 429: 2 });
  });
});
