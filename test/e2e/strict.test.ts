/**
 * `accounting: strict` while parts are killed at random moments: each call that a provider saw has exactly one record, and
 * the balance is what the records make it. `E2E_OPERATIONS` says how many calls (the default is what fits a test run).
 */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { send } from "./http.ts";
import { keyOf, type LimitsWorld, startLimitsWorld } from "./limits-world.ts";
import { descendants } from "./processes.ts";
import { until } from "./until.ts";

const OPERATIONS = Number(process.env.E2E_OPERATIONS ?? 600);
const AT_ONCE = 16;
const BALANCE = "project:strict:spend:none";
/** What a call costs: 20 tokens of output at 1 USD per million. */
const COST = 20_000;

let world: LimitsWorld;
beforeAll(async () => {
  world = await startLimitsWorld({
    strict: { accounting: "strict", limits: [{ metric: "spend", window: "none", amount: 100 }] },
  });
  world.upstream.script({
    times: 0,
    delay_ms: 5,
    usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
  });
});
afterAll(() => world?.stop());

/** Kills a part without a word; it is started again, as everything that `up` runs. */
function kill(part: "envoy" | "control service"): void {
  const mark = part === "envoy" ? "--disable-hot-restart" : "oneapi.js serve";
  const found = descendants(process.pid).filter(({ command }) => command.includes(mark) && !command.startsWith("sh "));
  for (const { pid } of found) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has just died.
    }
  }
}

it("leaves exactly one record of every call, whatever dies", { timeout: 600_000 }, async () => {
  const succeeded: string[] = [];
  let begun = 0;
  const caller = async () => {
    while (begun < OPERATIONS) {
      begun += 1;
      const answer = await send(`${world.gateway.baseUrl}/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${keyOf("strict")}` },
        body: { model: "m", max_tokens: 50, stream: begun % 3 === 0, messages: [{ role: "user", content: "hi" }] },
      }).catch(() => null);
      // What broke off in the middle was not completed, though its status was 200.
      if (answer?.status === 200) succeeded.push(String(answer.headers["x-request-id"]));
      else await sleep(20);
    }
  };
  let done = false;
  const killer = async () => {
    for (let turn = 0; !done; turn++) {
      await sleep(randomInt(700, 2500));
      if (!done) kill(turn % 2 === 0 ? "envoy" : "control service");
    }
  };
  const killing = killer();
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  done = true;
  await killing;

  const asked = new Set(world.upstream.log().map(({ headers }) => headers["x-request-id"] ?? ""));
  expect(succeeded.length).toBeGreaterThan(OPERATIONS / 4);
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
  const byId = new Map(records.map((record) => [record.operation_id, record]));
  for (const id of succeeded) expect(byId.get(id), id).toMatchObject({ outcome: "ok", cost_nano_usd: COST });

  const spent = records.reduce((sum, record) => sum + (record.cost_nano_usd ?? 0), 0);
  const limit = await until(
    "the balance to be what the records make it",
    () => world.gateway.adminJson<{ used: string; reserved: string }>("GET", `/limits/${encodeURIComponent(BALANCE)}`),
    ({ used, reserved }) => Number(used) * 1e9 === spent && Number(reserved) === 0,
    60_000,
  );
  expect(Math.round(Number(limit.used) * 1e9)).toBe(spent);
});
