/** Envoys and Kongs on one control service: they share every limit to the last unit, and one ledger tells of all of them. */
import type { LedgerRecord } from "@oneapi/contract";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { flood, type LimitsWorld, leaveInMinute, startLimitsWorld, stateOf, tally } from "./limits-world.ts";
import { until } from "./until.ts";

let world: LimitsWorld;
beforeAll(async () => {
  world = await startLimitsWorld(
    {
      sixty: { keys: { limits: [{ metric: "requests", window: "minute", amount: 60 }] } },
      tokens: { keys: { limits: [{ metric: "tokens", window: "minute", amount: 1000 }] } },
      slots: { keys: { limits: [{ metric: "concurrency", amount: 5 }] } },
      balance: { limits: [{ metric: "spend", window: "none", amount: 0.001 }] },
    },
    { gateways: ["envoy", "envoy", "kong", "kong"] },
  );
});
afterAll(() => world?.stop());
beforeEach(() => {
  world.upstream.clearScript();
  world.upstream.clearLog();
});

/** The records of a project, once there is one for each of its calls. */
function recordsOf(project: string, calls: number): Promise<LedgerRecord[]> {
  const all = () => world.gateway.records({ project });
  return until(`${calls} records`, all, ({ length }) => length >= calls);
}

const served = (records: LedgerRecord[]) => records.filter(({ outcome }) => outcome === "ok");

it("a key with 60 requests a minute: exactly 60 of 200 parallel pass, and are recorded", async () => {
  await leaveInMinute(15_000);
  expect(tally(await flood(world, "sixty", 200))).toEqual({ 200: 60, 429: 140 });
  expect(tally(await flood(world, "sixty", 8))).toEqual({ 429: 8 });
  expect(world.upstream.log()).toHaveLength(60);
  const records = await recordsOf("sixty", 208);
  expect(records).toHaveLength(208);
  expect(new Set(records.map(({ key }) => key)).size).toBe(1);
  expect(served(records)).toHaveLength(60);
  expect(new Set(records.map(({ gateway }) => gateway))).toEqual(new Set(["envoy-1", "envoy-2", "kong-1", "kong-2"]));
});

it("a key with 1,000 tokens a minute: all gateways together serve no more of them", async () => {
  await leaveInMinute(15_000);
  world.upstream.script({ times: 0, usage: { prompt_tokens: 1, completion_tokens: 60, total_tokens: 61 } });
  const counts = tally(await flood(world, "tokens", 60, { max_tokens: 60 }));
  const passed = counts[200] ?? 0;
  expect(counts).toEqual({ 200: passed, 429: 60 - passed });
  const records = served(await recordsOf("tokens", 60));
  expect(records).toHaveLength(passed);
  const tokens = records.reduce((sum, { usage }) => sum + usage.prompt_tokens + usage.completion_tokens, 0);
  expect(tokens).toBeLessThanOrEqual(1000);
  // What was refused did not fit beside what was reserved then: a prompt is estimated at far less than 30 tokens.
  expect(passed).toBeGreaterThanOrEqual(Math.floor(1000 / 90));
});

it("a key with 5 calls at a time: exactly 5 of 20 pass, and the slots are free afterwards", async () => {
  world.upstream.script({ times: 0, delay_ms: 1500 });
  expect(tally(await flood(world, "slots", 20))).toEqual({ 200: 5, 429: 15 });
  world.upstream.clearScript();
  const again = async () => tally(await flood(world, "slots", 5));
  await until("all slots", again, (counts) => counts[200] === 5);
});

it("a balance of 1,000: exactly 10 of 50 parallel requests of 100 units are paid from it", async () => {
  world.upstream.script({ times: 0, usage: { prompt_tokens: 5, completion_tokens: 100, total_tokens: 105 } });
  expect(tally(await flood(world, "balance", 50, { max_tokens: 100 }))).toEqual({ 200: 10, 429: 40 });
  const records = served(await recordsOf("balance", 50));
  expect(records.reduce((sum, { cost_nano_usd }) => sum + (cost_nano_usd ?? 0), 0)).toBe(1_000_000);
  const state = () => stateOf(world, "project:balance:spend:none");
  await until("the whole balance used", state, ({ used, reserved }) => used === 0.001 && reserved === 0);
});
