/**
 * `accounting: strict` while parts are killed at random moments, with and without Redis: each call that a provider saw has
 * exactly one record, and the balance is what the records make it. `E2E_OPERATIONS` says how many calls must succeed (the
 * default is what fits a test run).
 */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { redisMissing, TestRedis } from "../../control-service/src/limits/redis/testing.ts";
import { send } from "./http.ts";
import { keyOf, type LimitsWorld, startLimitsWorld, stateOf } from "./limits-world.ts";
import { until } from "./until.ts";

const OPERATIONS = Number(process.env.E2E_OPERATIONS ?? 200);
const AT_ONCE = 16;
const BALANCE = "project:strict:spend:none";
/** What a call costs: 20 tokens of output at 1 USD per million. */
const COST = 20_000;

const withRedis = redisMissing === null ? "Redis" : `Redis (skipped: ${redisMissing})`;

// Side by side: each waits for its own restarts most of the time.
describe.concurrent.each([
  { counters: "the control service", skip: null },
  { counters: withRedis, skip: redisMissing },
])("counted in $counters", ({ counters, skip }) => {
  let redis: TestRedis | null = null;
  let world: LimitsWorld;
  beforeAll(async () => {
    if (skip !== null) return;
    if (counters === withRedis) redis = await TestRedis.single();
    world = await startLimitsWorld(
      { strict: { accounting: "strict", limits: [{ metric: "spend", window: "none", amount: 100 }] } },
      redis === null ? {} : { redisUrl: redis.url },
    );
    world.upstream.script({
      times: 0,
      delay_ms: 5,
      usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
    });
  });
  afterAll(async () => {
    await world?.stop();
    await redis?.close();
  });
  beforeEach((context) => {
    if (skip !== null) context.skip(skip);
  });

  /** Kills a part without a word. What `up` runs it starts again. */
  async function kill(turn: number): Promise<void> {
    const victims =
      redis === null ? (["gateway", "control service"] as const) : (["gateway", "control service", "redis"] as const);
    const victim = victims[turn % victims.length] as (typeof victims)[number];
    if (victim !== "redis") return world.gateway.signal(victim, "SIGKILL");
    await redis?.kill();
    await sleep(randomInt(1000));
    await redis?.start();
  }

  it("leaves exactly one record of every call, whatever dies", { timeout: 900_000 }, async () => {
    const succeeded: string[] = [];
    let begun = 0;
    let kills = 0;
    // Each part dies twice at least.
    const leastKills = redis === null ? 4 : 6;
    const caller = async () => {
      while (succeeded.length < OPERATIONS || kills < leastKills) {
        begun += 1;
        const answer = await send(`${world.gateway.baseUrl}/chat/completions`, {
          method: "POST",
          headers: { authorization: `Bearer ${keyOf("strict")}` },
          body: { model: "m", max_tokens: 50, stream: begun % 3 === 0, messages: [{ role: "user", content: "hi" }] },
        }).catch(() => null);
        // What broke off in the middle was not completed, though its status was 200.
        if (answer?.status === 200) succeeded.push(String(answer.headers["x-request-id"]));
        else await sleep(100);
      }
    };
    let done = false;
    const killer = async () => {
      for (; !done; kills++) {
        const before = succeeded.length;
        // As a rule calls succeed again before the next part dies; sometimes two are away at once.
        if (randomInt(4) > 0) await until("service", () => done || succeeded.length > before, Boolean, 120_000);
        await sleep(randomInt(2500));
        if (!done) await kill(kills);
      }
    };
    const killing = killer();
    await Promise.all(Array.from({ length: AT_ONCE }, caller));
    done = true;
    await killing;

    const asked = new Set(world.upstream.log().map(({ headers }) => headers["x-request-id"] ?? ""));
    // The last gateway that died is given up after some seconds.
    const records = await until(
      "a record of every call that the provider saw",
      () => world.gateway.records({ project: "strict" }).catch(() => []),
      (list) => {
        const ids = new Set(list.map(({ operation_id }) => operation_id));
        return [...asked, ...succeeded].every((id) => ids.has(id));
      },
      60_000,
    );
    const ids = records.map(({ operation_id }) => operation_id);
    expect(new Set(ids).size).toBe(ids.length);
    console.info(`${begun} calls, ${succeeded.length} succeeded, ${asked.size} reached the provider, ${kills} kills`);
    const byId = new Map(records.map((record) => [record.operation_id, record]));
    for (const id of succeeded) expect(byId.get(id), id).toMatchObject({ outcome: "ok", cost_nano_usd: COST });

    const spent = records.reduce((sum, record) => sum + (record.cost_nano_usd ?? 0), 0);
    const limit = await until(
      "the balance to be what the records make it",
      () => stateOf(world, BALANCE),
      ({ used, reserved }) => Math.round(used * 1e9) === spent && reserved === 0,
      60_000,
    );
    expect(Math.round(limit.used * 1e9)).toBe(spent);
    // Refusals of the last moments may still come.
    const { list, verified } = await until(
      "the ledger to hold still",
      async () => ({
        list: await world.gateway.records({ project: "strict" }),
        verified: await world.gateway.adminJson<Verified>("POST", "/ledger/verify"),
      }),
      (seen) => seen.verified.checked === seen.list.length,
    );
    expect(new Set(list.map(({ operation_id }) => operation_id)).size).toBe(list.length);
    expect([verified.wrong, verified.balances.wrong]).toEqual([0, 0]);
  });
});

/** Of what `oneapi ledger verify` says. */
interface Verified {
  checked: number;
  wrong: number;
  balances: { wrong: number };
}
