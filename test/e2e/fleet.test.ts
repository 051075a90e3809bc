/** Two control services on one PostgreSQL and one Redis, each with a gateway of its own; and Redis dies. */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { redisMissing, TestRedis } from "../../control-service/src/limits/redis/testing.ts";
import { type Postgres, startPostgres } from "../setup/postgres.ts";
import type { Gateway } from "./gateway.ts";
import {
  CHAT,
  flood,
  keyOf,
  type LimitsWorld,
  leaveInMinute,
  startLimitsWorld,
  stateOf,
  tally,
} from "./limits-world.ts";
import { until } from "./until.ts";

const requests = (amount: number, window = "day") => ({ metric: "requests", window, amount });

describe(`two control services${redisMissing === null ? "" : ` (skipped: ${redisMissing})`}`, () => {
  let skip: string | null = redisMissing;
  let redis: TestRedis;
  let postgres: Postgres;
  let world: LimitsWorld;

  beforeAll(async () => {
    if (skip !== null) return;
    try {
      postgres = await startPostgres(console.error);
    } catch (problem) {
      skip = (problem as Error).message;
      return;
    }
    redis = await TestRedis.single();
    world = await startLimitsWorld(
      {
        hundred: { limits: [requests(100, "minute")] },
        balance: { limits: [{ metric: "spend", window: "none", amount: 0.001 }] },
        slots: { limits: [{ metric: "concurrency", amount: 5 }] },
        load: { limits: [requests(400), { metric: "concurrency", amount: 12 }] },
        closed: { limits: [requests(1000)] },
        open: { limits: [requests(1000)], on_control_loss: "fail_open" },
      },
      { controlServices: 2, databaseUrl: postgres.url, redisUrl: redis.url },
    );
  });
  afterAll(async () => {
    await world?.stop();
    await redis?.close();
    await postgres?.stop();
  });
  beforeEach((context) => {
    if (skip !== null) return context.skip(skip);
    world.upstream.clearScript();
    world.upstream.clearLog();
  });

  it("let exactly 100 of 200 parallel requests pass", async () => {
    await leaveInMinute(15_000);
    expect(tally(await flood(world, "hundred", 200))).toEqual({ 200: 100, 429: 100 });
    expect(world.upstream.log()).toHaveLength(100);
  });

  it("let exactly 10 of 50 parallel requests of 100 units spend a balance of 1,000", async () => {
    world.upstream.script({ times: 0, usage: { prompt_tokens: 5, completion_tokens: 100, total_tokens: 105 } });
    expect(tally(await flood(world, "balance", 50, { max_tokens: 100 }))).toEqual({ 200: 10, 429: 40 });
    await until(
      "the whole balance to be used",
      () => stateOf(world, "project:balance:spend:none"),
      ({ used, reserved }) => used === 0.001 && reserved === 0,
    );
  });

  it("let no more than 5 run at a time, over both", async () => {
    world.upstream.script({ times: 0, delay_ms: 1500 });
    expect(tally(await flood(world, "slots", 20))).toEqual({ 200: 5, 429: 15 });
    world.upstream.clearScript();
    await until(
      "the slots to be free",
      async () => tally(await flood(world, "slots", 5)),
      (counts) => counts[200] === 5,
    );
  });

  it("hold the limits while Redis is killed at random moments, and lose nothing of them", async () => {
    world.upstream.script({ times: 0, delay_ms: 40 });
    const counts: Record<number, number> = {};
    let done = false;
    const caller = async (gateway: Gateway) => {
      while (!done) {
        const { status } = await gateway.send("/chat/completions", keyOf("load"), CHAT);
        counts[status] = (counts[status] ?? 0) + 1;
        await sleep(randomInt(150));
      }
    };
    const callers = Array.from({ length: 24 }, (_, index) => caller(world.fleet[index % 2] as Gateway));
    for (let turn = 0; turn < 4; turn++) {
      await sleep(randomInt(300, 1200));
      await redis.kill();
      await sleep(randomInt(200, 1500));
      await redis.start();
    }
    await until(
      "both to be served again, and the limit to be used up",
      () => counts[200] ?? 0,
      (served) => served >= 400,
      40_000,
    );
    await sleep(1500);
    done = true;
    await Promise.all(callers);
    expect(counts[200]).toBe(400);
    // Redis was missed: there was something to lose.
    expect(counts[503]).toBeGreaterThan(0);
    expect(world.upstream.log()).toHaveLength(400);
    expect(Object.keys(counts).every((status) => ["200", "429", "503"].includes(status))).toBe(true);
    expect(
      most(world.upstream.log().map(({ at_ms, ended_at_ms }) => [at_ms, ended_at_ms ?? at_ms])),
    ).toBeLessThanOrEqual(12);
    await until(
      "all of it to be reported",
      () => stateOf(world, "project:load:requests:day"),
      ({ used, reserved }) => used === 400 && reserved === 0,
    );
  });

  it("refuse or serve without Redis, as the project wants, and go on by themselves once it is back", async () => {
    // Both gateways know both keys.
    expect(tally(await flood(world, "closed", 4))).toEqual({ 200: 4 });
    expect(tally(await flood(world, "open", 4))).toEqual({ 200: 4 });
    // What was held idle is given back by now.
    await sleep(4000);
    await redis.kill();
    try {
      world.upstream.clearLog();
      const refused = await flood(world, "closed", 30);
      expect(tally(refused)).toEqual({ 503: 30 });
      expect(JSON.parse(refused[0]?.text ?? "").error).toMatchObject({ code: "control_unavailable" });
      expect(world.upstream.log()).toHaveLength(0);
      expect(tally(await flood(world, "open", 30))).toEqual({ 200: 30 });
    } finally {
      await redis.start();
    }
    await until(
      "service of a project that fails closed",
      async () => tally(await flood(world, "closed", 2)),
      (counts) => counts[200] === 2,
    );
    await until(
      "what was served without a lease to be counted",
      () => stateOf(world, "project:open:requests:day"),
      ({ used }) => used === 34,
    );
    const known = await world.gateway.adminJson<{ wrong: number; balances: { wrong: number } }>(
      "POST",
      "/ledger/verify",
    );
    expect([known.wrong, known.balances.wrong]).toEqual([0, 0]);
  });

  it("know each other's keys within a second", async () => {
    const made = await world.gateway.adminJson<{ id: string; secret: string }>("POST", "/keys", {
      project: "closed",
      name: "new",
    });
    expect(tally(await flood(world, "closed", 2, {}, made.secret))).toEqual({ 200: 2 });
    await world.gateway.adminJson("PATCH", `/keys/${made.id}`, { disabled: true });
    await sleep(1000);
    expect(tally(await flood(world, "closed", 2, {}, made.secret))).toEqual({ 401: 2 });
  });
});

/** How many of the spans of time overlap at most. */
function most(spans: [number, number][]): number {
  const changes = spans.flatMap(([from, to]) => [[from, 1] as const, [to, -1] as const]);
  changes.sort(([a, one], [b, other]) => a - b || one - other);
  let now = 0;
  return Math.max(0, ...changes.map(([, change]) => (now += change)));
}
