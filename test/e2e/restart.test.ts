/** Parts that die or hang: they come back at their address, known keys go on, records arrive in the end. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { GATEWAY_KIND } from "./gateway.ts";
import { contentOf, type Incoming } from "./http.ts";
import { isAlive } from "./processes.ts";
import { until } from "./until.ts";
import { chat, KEYS, startWorld, type World } from "./world.ts";

let world: World;
/** Of the control service; changes with each restart. */
let controlPid: number;
beforeAll(async () => {
  world = await startWorld();
  controlPid = world.gateway.controlPid;
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

const ask = (model = "solo", key: string = KEYS.main): Promise<Incoming> =>
  world.gateway.send("/chat/completions", key, chat(model, "hi"));

const idOf = (answer: Incoming) => String(answer.headers["x-request-id"]);

async function expectServed(): Promise<string> {
  const answer = await ask();
  expect([answer.status, answer.text]).toEqual([200, answer.text]);
  return idOf(answer);
}

const controlAnswers = () =>
  until(
    "the control service",
    () => world.gateway.admin("GET", "/config"),
    (answer) => answer.status === 200,
    30_000,
  );

describe("the control service", () => {
  it("hangs: known keys go on, and their records arrive afterwards", async () => {
    await expectServed();
    process.kill(controlPid, "SIGSTOP");
    const ids: string[] = [];
    try {
      const end = performance.now() + 3000;
      while (performance.now() < end) ids.push(await expectServed());
      expect((await ask("solo", "sk-nobody-has-seen-this-key-yet")).status).toBeGreaterThanOrEqual(401);
    } finally {
      process.kill(controlPid, "SIGCONT");
    }
    await expectRecords(ids);
  });

  it("is killed: known keys go on, it comes back at its address, no record is lost", async () => {
    await expectServed();
    process.kill(controlPid, "SIGKILL");
    const ids: string[] = [];
    const until5s = performance.now() + 5000;
    while (performance.now() < until5s) ids.push(await expectServed());
    await controlAnswers();
    await expectRecords(ids);
    const made = await world.gateway.adminJson<{ secret: string }>("POST", "/keys", { project: "main", name: "after" });
    expect((await ask("solo", made.secret)).status).toBe(200);
  });

  async function expectRecords(ids: string[]): Promise<void> {
    const missing = async () => {
      const known = new Set((await world.gateway.records({})).map((record) => record.operation_id));
      return ids.filter((id) => !known.has(id));
    };
    await until(`${ids.length} records`, missing, (left) => left.length === 0, 20_000);
  }
});

describe("the gateway", () => {
  it("is killed: it comes back at its address, with its configuration", async () => {
    const pid = world.gateway.pid;
    await expectServed();
    process.kill(pid, "SIGKILL");
    await until(
      "the old gateway gone",
      () => isAlive(pid),
      (alive) => !alive,
    );
    const answer = await until(
      "the new gateway",
      () => ask("claude"),
      ({ status }) => status === 200,
      15_000,
    );
    expect(await world.gateway.record(idOf(answer))).toMatchObject({ outcome: "ok" });
  });

  it("serves again after both were killed", async () => {
    await until(
      "service",
      () => ask(),
      ({ status }) => status === 200,
      15_000,
    );
    const id = await expectServed();
    expect(await world.gateway.record(id)).toMatchObject({ provider: "primary" });
  });
});

// An Envoy is one process; a Kong stands before one that carries what is under way.
if (GATEWAY_KIND === "kong") {
  it("a Kong is killed: its streams are recorded as left, and it comes back at its address", async () => {
    await expectServed();
    world.primary.script({ between_ms: 50 });
    const stream = await world.gateway.stream(
      "/chat/completions",
      KEYS.main,
      chat("solo", "count 400", { stream: true }),
    );
    const read = async () => {
      for await (const event of stream.events)
        if (Number(contentOf([event])) === 5) world.gateway.signal("kong", "SIGKILL");
    };
    await expect(read()).rejects.toThrow();
    const record = await world.gateway.record(stream.headers["x-request-id"]);
    expect(record).toMatchObject({ outcome: "client_closed", provider: "primary" });
    await until(
      "the new Kong",
      () => ask(),
      ({ status }) => status === 200,
      15_000,
    );
  });
}
