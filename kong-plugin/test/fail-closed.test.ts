/**
 * Kong goes on without a plugin that fails in any way. Whatever happens to it, no request reaches a provider without having
 * been checked, and none under the configuration of another route.
 */
import { randomBytes } from "node:crypto";
import { renameSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { encodeAsKong } from "../../test/kong/msgpack.ts";
import { PluginRpc } from "../../test/kong/plugin-rpc.ts";
import { TICKET_HEADER } from "../src/relay/tickets.ts";
import { chat, KongWorld } from "./kong-world.ts";

const ROUTES = ["a", "b", "c"] as const;
const keyOfRoute = (route: string) => `sk-of-route-${route}-0123456789`;
const world = new KongWorld(Object.fromEntries(ROUTES.map((route) => [keyOfRoute(route), `key_${route}`])));
beforeAll(() => world.start());
afterAll(() => world.stop());
beforeEach(() => {
  world.asked.length = 0;
});

/** Three routes, each with a key of its own. */
function declared() {
  const routes = ROUTES.map((route) => ({
    paths: [`/${route}`],
    plugins: [{ name: "oneapi", config: { key: keyOfRoute(route) } }],
  }));
  return { services: [{ url: world.relayUrl, routes }] };
}

/** Kong's calls of the plugin server, of which a test may see or change one. */
class Watched extends PluginRpc {
  /** Called before each call; what it resolves with is sent. */
  before: (method: string, argument: unknown) => Promise<unknown> = async (_, argument) => argument;
  /** Called with each result. */
  after: (result: unknown) => void = () => {};
  /** Calls without an answer. */
  failed = 0;

  override async call(method: string, argument: unknown): Promise<unknown> {
    const result = await super.call(method, await this.before(method, argument)).catch((error: Error) => {
      this.failed++;
      throw error;
    });
    this.after(result);
    return result;
  }
}

/** A Kong whose instances are made already. */
async function warmKong(rpc: PluginRpc): Promise<string> {
  const url = await world.kong(declared(), [rpc]);
  for (const route of ROUTES) expect((await chat(`${url}/${route}/v1`, route)).status).toBe(200);
  world.asked.length = 0;
  return url;
}

const isStep = (method: string) => method.startsWith("plugin.Step");

describe("nothing is served without the plugin", () => {
  it("that is killed in the middle of a request, and started again before Kong goes on", async () => {
    const rpc = new Watched(world.socket);
    const url = await warmKong(rpc);
    rpc.before = async (method, argument) => {
      if (isStep(method)) {
        await world.killPlugin();
        await world.startPlugin();
      }
      return argument;
    };
    const answer = await chat(`${url}/a/v1`, "killed");
    expect([answer.status, answer.code]).toEqual([503, "plugin_unavailable"]);
    rpc.before = async (_, argument) => argument;
    // The instance that Kong has is the old process's: it is made anew.
    expect((await chat(`${url}/a/v1`, "next")).status).toBe(200);
    expect(world.asked.map(({ content }) => content)).toEqual(["next"]);
  });

  it("that meets what it did not expect", async () => {
    const rpc = new Watched(world.socket);
    // Only what reads the client's headers can meet them.
    const url = await world.kong(
      { services: [{ url: world.relayUrl, routes: [{ paths: ["/"], plugins: [{ name: "oneapi" }] }] }] },
      [rpc],
    );
    const headers = { authorization: `Bearer ${keyOfRoute("a")}` };
    const odd: [unknown, string][] = [
      // Left out, or of another type.
      [undefined, "503 plugin_failed"],
      [null, "503 plugin_failed"],
      [{ "x-api-key": [{}] }, "503 plugin_failed"],
      [{ authorization: [[headers.authorization]] }, "503 plugin_failed"],
      [{ authorization: [Buffer.from(headers.authorization)] }, "503 plugin_failed"],
      // Without a key as it must be: an empty map, in both of the forms that Lua may give it.
      [{}, "401 invalid_api_key"],
      [[], "401 invalid_api_key"],
      [17, "401 invalid_api_key"],
    ];
    for (const [Data, expected] of odd) {
      rpc.before = async (method, argument) => (isStep(method) ? { ...(argument as object), Data } : argument);
      const answer = await chat(`${url}/v1`, "odd", headers);
      expect(`${answer.status} ${answer.code}`).toBe(expected);
    }
    expect(world.asked).toEqual([]);
  });

  it("that does not answer", async () => {
    const rpc = new Watched(world.socket, 300);
    const url = await warmKong(rpc);
    rpc.before = async (_, argument) => {
      world.child?.kill("SIGSTOP");
      return argument;
    };
    const answering = chat(`${url}/a/v1`, "silence");
    // The relay stands still, too, while Kong waits and gives up.
    await expect.poll(() => rpc.failed, { timeout: 10_000 }).toBe(1);
    world.child?.kill("SIGCONT");
    const answer = await answering;
    expect([answer.status, answer.code]).toEqual([503, "plugin_unavailable"]);
    expect(world.asked).toEqual([]);
  });

  it("whose socket is gone, even to those who bring a ticket", async () => {
    const rpc = new Watched(world.socket);
    let spent = "";
    rpc.after = (result) => {
      const { Data } = result as { Data?: { Args?: [Record<string, string>] } };
      spent = Data?.Args?.[0]?.[TICKET_HEADER] ?? spent;
    };
    const url = await warmKong(rpc);
    expect(spent).toMatch(/^[0-9a-f]{32}$/);
    // A client's own is put aside while the plugin is there, whatever its letters and however often it comes.
    const tickets = { "X-OneAPI-Ticket": [spent, "0".repeat(32)], X_ONEAPI_TICKET: spent };
    expect((await chat(`${url}/a/v1`, "mine", tickets)).status).toBe(200);
    rpc.close();
    renameSync(world.socket, `${world.socket}.away`);
    try {
      for (const headers of [
        {},
        { [TICKET_HEADER]: spent },
        tickets,
        { [TICKET_HEADER]: randomBytes(16).toString("hex") },
      ]) {
        const answer = await chat(`${url}/a/v1`, "refused", headers);
        expect([answer.status, answer.code]).toEqual([503, "plugin_unavailable"]);
      }
      // A Kong without an instance cannot even begin.
      expect((await chat(`${await world.kong(declared())}/a/v1`, "refused")).status).toBe(500);
    } finally {
      renameSync(`${world.socket}.away`, world.socket);
    }
    expect((await chat(`${url}/a/v1`, "back")).status).toBe(200);
    expect(world.asked.map(({ content }) => content)).toEqual(["mine", "back"]);
  });
});

it("bytes of nothing on the socket end their own connection alone", async () => {
  const url = await warmKong(new PluginRpc(world.socket));
  const whole = encodeAsKong([0, 1, "plugin.HandleEvent", [{ InstanceId: 7, EventName: "access" }]]);
  const closed = [
    ["no message", Buffer.of(0xc1)],
    ["another protocol", Buffer.from("GET /v1/models HTTP/1.1\r\n\r\n")],
    ["a list of 4 G values", Buffer.from("ddffffffff", "hex")],
    ["a text of 4 GiB", Buffer.from("dbffffffff", "hex")],
    ["lists in lists without end", Buffer.alloc(200_000, 0x91)],
    ["a call of other types", encodeAsKong(["0", "1", 2, {}])],
    ["an answer", encodeAsKong([1, 1, null, {}])],
    ["a forbidden name", Buffer.from("940001a1619181a95f5f70726f746f5f5f01", "hex")],
  ] as const;
  const requests = Promise.all(ROUTES.flatMap((route) => [1, 2, 3, 4].map(() => chat(`${url}/${route}/v1`, route))));
  for (const [what, bytes] of closed) {
    const connection = connect(world.socket).on("error", () => {});
    let isClosed = false;
    connection.once("close", () => {
      isClosed = true;
    });
    connection.write(bytes);
    await expect.poll(() => isClosed, { timeout: 10_000, message: what }).toBe(true);
  }
  const halves = [whole.subarray(0, -1), whole.subarray(0, 1), Buffer.alloc(0)];
  const noise = Array.from({ length: 50 }, (_, i) => randomBytes(1 + 3 * i));
  for (const bytes of [...halves, ...noise]) {
    const connection = connect(world.socket).on("error", () => {});
    connection.end(bytes).resume();
    await new Promise((ended) => connection.once("close", ended));
  }
  for (const { status } of await requests) expect(status).toBe(200);
  expect(world.child?.exitCode).toBeNull();
});

it("no request runs under another route's configuration when the process is started again", {
  timeout: 120_000,
}, async () => {
  const restart = async () => {
    await world.killPlugin();
    await world.startPlugin();
  };
  await restart();
  const rpcs = [new PluginRpc(world.socket), new PluginRpc(world.socket)];
  const url = await world.kong(declared(), rpcs);
  const served: { route: string; id: string }[] = [];
  const inTurn = async (routes: string[]) => {
    for (const route of routes) {
      const answer = await chat(`${url}/${route}/v1`, route);
      expect(answer.status).toBe(200);
      served.push({ route, id: String(answer.headers["x-request-id"]) });
    }
  };
  // Were ids given again from the first one on, the last route's instance would get the one that Kong has for the first.
  await inTurn(["a", "a", "b", "b", "c", "c"]);
  await restart();
  await inTurn(["c", "c", "b", "b", "a", "a"]);

  let going = true;
  const statuses = new Set<number>();
  const client = async (route: string) => {
    while (going) {
      // A connection that Kong cuts is an answer, too.
      const answer = await chat(`${url}/${route}/v1`, route).catch(() => null);
      if (answer?.status !== 200) await sleep(5);
      statuses.add(answer?.status ?? 0);
      if (answer?.status === 200) served.push({ route, id: String(answer.headers["x-request-id"]) });
    }
  };
  const clients = ROUTES.flatMap((route) => [1, 2, 3, 4].map(() => client(route)));
  for (const isLast of [false, true]) {
    const before = served.length;
    await expect.poll(() => served.length, { timeout: 40_000 }).toBeGreaterThan(before + 50);
    if (!isLast) await restart();
  }
  going = false;
  await Promise.all(clients);
  // Cut, refused, or served.
  for (const status of statuses) expect([0, 500, 502, 503, 200]).toContain(status);
  const seen = new Map(world.asked.map(({ operationId, content }) => [operationId, content]));
  for (const { route, id } of served) {
    expect(seen.get(id)).toBe(route);
    expect((await world.record(id)).key).toBe(`key_${route}`);
  }
  // And those whose answers were cut, as far as there are records of them.
  for (const { operation_id: id, key } of world.records) {
    if (seen.has(id)) expect(key).toBe(`key_${seen.get(id)}`);
  }
});
