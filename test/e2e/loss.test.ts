/** Limits while the control service hangs or is killed, and while gateways are: nothing beyond them, nothing lost for good. */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { GATEWAY_KIND } from "./gateway.ts";
import { dataOf, openStream, send } from "./http.ts";
import { CHAT, flood, keyOf, type LimitsWorld, leaveInHour, startLimitsWorld, stateOf, tally } from "./limits-world.ts";
import { until } from "./until.ts";

const requests = (amount: number, window = "day") => ({ metric: "requests", window, amount });
const slots = (amount: number) => ({ metric: "concurrency", amount });
/** How long leases stay with a gateway that is gone (12 s), and the look after it. */
const RETURNED_MS = 16_000;
const MARGIN_MS = 3000;

let world: LimitsWorld;
beforeAll(async () => {
  world = await startLimitsWorld(
    {
      closed: { limits: [requests(1000)], admission_wait: "400ms" },
      open: { limits: [requests(1000)], on_control_loss: "fail_open" },
      unlimited: {},
      slot: { limits: [slots(1)] },
      exact: { limits: [requests(150)] },
      served: { limits: [requests(100_000)], on_control_loss: "fail_open" },
      hour: { limits: [requests(300, "hour")] },
      four: { limits: [slots(4)] },
      balance: { limits: [{ metric: "spend", window: "none", amount: 0.001 }] },
    },
    { gateways: 2 },
  );
});
afterAll(() => world?.stop());
beforeEach(() => {
  world.upstream.clearScript();
  world.upstream.clearLog();
});

/** Begins a stream of so many seconds at one of the two gateways; `ended` tells whether all of it came. */
async function begin(project: string, seconds: number, node: 1 | 2, more: object = {}) {
  const between = 500;
  world.upstream.script({ between_ms: between });
  const messages = [{ role: "user", content: `count ${(seconds * 1000) / between}` }];
  const stream = await openStream(`${world.gateway.baseUrls[node - 1]}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${keyOf(project)}` },
    body: { ...CHAT, messages, stream: true, ...more },
  });
  const read = async () => {
    const events: string[] = [];
    try {
      for await (const event of stream.events) events.push(event);
    } catch {
      return false;
    }
    return dataOf(events).at(-1) === "[DONE]";
  };
  return { status: stream.status, ended: read(), leave: () => stream.leave() };
}

/** The status of one call at one of the gateways; 0 when it breaks. */
async function ask(project: string, node: 1 | 2, more: object = {}): Promise<number> {
  const answer = await send(`${world.gateway.baseUrls[node - 1]}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${keyOf(project)}` },
    body: { ...CHAT, ...more },
  }).catch(() => null);
  return answer?.status ?? 0;
}

/** Calls without a pause from so many callers at both gateways, until `stop` is called, which tells the statuses. */
function load(project: string, callers: number): { counts: Record<number, number>; stop(): Promise<void> } {
  const counts: Record<number, number> = {};
  let stopped = false;
  const caller = async (node: 1 | 2) => {
    while (!stopped) {
      const status = await ask(project, node);
      counts[status] = (counts[status] ?? 0) + 1;
      await sleep(randomInt(status === 200 ? 100 : 200));
    }
  };
  const calling = Array.from({ length: callers }, (_, index) => caller(index % 2 === 0 ? 1 : 2));
  return {
    counts,
    stop: async () => {
      stopped = true;
      await Promise.all(calling);
    },
  };
}

describe("a control service", () => {
  it("that hangs: a project fails closed or open as it wants, and streams go on to their end", {
    timeout: 180_000,
  }, async () => {
    // Both gateways know all keys, and hold leases.
    const before: Record<string, number> = {};
    for (const project of ["closed", "open", "unlimited"]) {
      const served = async () => {
        const { 200: count = 0 } = tally(await flood(world, project, 8));
        before[project] = (before[project] ?? 0) + count;
        return count;
      };
      await until(`service of ${project}`, served, (count) => count === 8);
    }
    const stream = await begin("closed", 20, 1);
    const longer = await begin("slot", 36, 2);
    world.upstream.clearLog();
    world.gateway.signal("control service", "SIGSTOP");
    const stoppedAt = performance.now();
    let served = 0;
    try {
      const first = tally(await flood(world, "closed", 60));
      served = first[200] ?? 0;
      expect(first).toEqual({ ...(served > 0 && { 200: served }), 503: 60 - served });
      // Its leases are used up: nothing is sent to the provider any more.
      const refused = await flood(world, "closed", 20);
      expect(tally(refused)).toEqual({ 503: 20 });
      expect(JSON.parse(refused[0]?.text ?? "").error).toMatchObject({ code: "control_unavailable" });
      expect(world.upstream.log()).toHaveLength(served);
      expect(tally(await flood(world, "open", 20))).toEqual({ 200: 20 });
      expect(tally(await flood(world, "unlimited", 20))).toEqual({ 200: 20 });
      await until(
        "what fails closed to be refused though nothing limits it",
        async () => tally(await flood(world, "unlimited", 2)),
        (counts) => counts[503] === 2,
        30_000,
      );
      const wentOnMs = performance.now() - stoppedAt;
      // 10 s from when a message was given up, which takes 5 s.
      expect(wentOnMs).toBeGreaterThan(10_000);
      expect(wentOnMs).toBeLessThan(15_000 + MARGIN_MS);
      expect(tally(await flood(world, "open", 20))).toEqual({ 200: 20 });
      expect(await stream.ended).toBe(true);
    } finally {
      world.gateway.signal("control service", "SIGCONT");
    }
    await until(
      "service",
      () => ask("closed", 1),
      (status) => status === 200,
    );
    // The slot stays with the stream, though its gateway could not be heard for long.
    for (let second = 0; second < 5; second++) {
      expect(await ask("slot", 1)).toBe(429);
      await sleep(1000);
    }
    expect(await longer.ended).toBe(true);
    await until(
      "the slot to be free",
      () => ask("slot", 1),
      (status) => status === 200,
    );
    await until(
      "all that was served to be counted",
      async () => [
        await stateOf(world, "project:closed:requests:day"),
        await stateOf(world, "project:open:requests:day"),
      ],
      ([closed, open]) =>
        closed?.used === (before.closed ?? 0) + 1 + served + 1 && open?.used === (before.open ?? 0) + 40,
    );
  });

  it("that is killed again and again: limits hold exactly, and what fails open is served and counted", {
    timeout: 120_000,
  }, async () => {
    const stream = await begin("unlimited", 12, 2);
    const exact = load("exact", 12);
    const open = load("served", 4);
    for (let turn = 0; turn < 4; turn++) {
      await sleep(randomInt(500, 3000));
      world.gateway.signal("control service", "SIGKILL");
    }
    await until(
      "the limit to be used up",
      () => exact.counts[200] ?? 0,
      (count) => count >= 150,
      60_000,
    );
    await sleep(1500);
    await Promise.all([exact.stop(), open.stop()]);
    expect(exact.counts[200]).toBe(150);
    expect(Object.keys(exact.counts).every((status) => ["200", "429", "503"].includes(status))).toBe(true);
    expect(Object.keys(open.counts)).toEqual(["200"]);
    expect(await stream.ended).toBe(true);
    expect(world.upstream.log()).toHaveLength(150 + (open.counts[200] ?? 0) + 1);
    await until(
      "all that was served to be counted",
      async () => [
        await stateOf(world, "project:exact:requests:day"),
        await stateOf(world, "project:served:requests:day"),
      ],
      ([one, other]) => one?.used === 150 && other?.used === open.counts[200],
    );
  });
});

describe("a gateway that is killed", () => {
  it("lets no limit be exceeded", { timeout: 180_000 }, async () => {
    await leaveInHour(60_000);
    const calls = load("hour", 16);
    for (let turn = 0; turn < 4; turn++) {
      await sleep(randomInt(300, 1500));
      world.gateway.signal("gateway", "SIGKILL", 1 + (turn % 2));
    }
    const refusedBefore = () => calls.counts[429] ?? 0;
    await until("the limit to be used up", refusedBefore, (count) => count > 100, 60_000);
    // The dead ones are given up.
    await sleep(RETURNED_MS);
    await calls.stop();
    // An Envoy takes its connections with it; the Kong before a relay that is gone answers by itself.
    const broken = Object.keys(calls.counts).filter((status) => status !== "200" && status !== "429");
    expect(broken).not.toEqual([]);
    expect(world.upstream.log().length).toBeLessThanOrEqual(300);
    expect(world.upstream.log().length).toBeGreaterThan(200);
  });

  it("leaves its slots and its part of a balance to the others", { timeout: 120_000 }, async () => {
    const mine = [
      await begin("four", 60, 1),
      await begin("four", 60, 1),
      await begin("balance", 60, 1, { max_tokens: 600 }),
    ];
    const others = [await begin("four", 60, 2), await begin("four", 60, 2)];
    expect([...mine, ...others].map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(await ask("four", 2)).toBe(429);
    expect(await ask("balance", 2, { max_tokens: 900 })).toBe(429);
    await sleep(500);
    world.gateway.signal("gateway", "SIGKILL", 1);
    const isFree = (status: number) => status === 200;
    await until("the slots", () => ask("four", 2), isFree, RETURNED_MS);
    await until("the balance", () => ask("balance", 2, { max_tokens: 900 }), isFree, MARGIN_MS);
    expect(await Promise.all(mine.map(({ ended }) => ended))).toEqual([false, false, false]);
    const more = [await begin("four", 60, 2), await begin("four", 60, 2)];
    expect(more.map(({ status }) => status)).toEqual([200, 200]);
    expect(await ask("four", 2)).toBe(429);
    for (const { leave } of [...others, ...more]) leave();
  });
});

it("gateways that hold leases, or nothing, say no more than a message a second", { timeout: 120_000 }, async () => {
  const seconds = 5;
  const stream = await begin("slot", seconds + 4, 1);
  await sleep(1000);
  const holding = await messagesIn(seconds * 1000);
  expect(await stream.ended).toBe(true);
  await sleep(3000);
  const idle = await messagesIn(seconds * 1000);
  // It keeps its slot by telling of it.
  expect(holding).toBeGreaterThanOrEqual(seconds / 4);
  expect(holding).toBeLessThanOrEqual(seconds * world.gateway.baseUrls.length);
  expect(idle).toBeLessThanOrEqual(seconds);
});

/** How many messages the control service answers meanwhile. */
async function messagesIn(ms: number): Promise<number> {
  const count = async () => {
    const { text } = await send(`${world.gateway.adminUrl}/metrics`);
    const line = new RegExp(`^oneapi_gateway_syncs_total\\{kind="${GATEWAY_KIND}"\\} (\\d+)`, "m");
    return Number(line.exec(text)?.[1]);
  };
  const before = await count();
  await sleep(ms);
  return (await count()) - before;
}
