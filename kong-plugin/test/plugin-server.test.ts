/** The plugin server as Kong meets it on the socket: ids, phases, cuts and faults. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { REFUSED, WAIT } from "@oneapi/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CLIENT_KEY, ControlStandIn } from "../../shared/vectors/control.ts";
import { encodeAsKong } from "../../test/kong/msgpack.ts";
import { TICKET_HEADER } from "../src/relay/tickets.ts";
import { type Connection, KongSide, type Told } from "./kong-side.ts";

const standIn = new ControlStandIn({ targets: [], unsupported: "drop" });
const control = createServer(async (message, answer) => {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  const told = standIn.answer(Buffer.concat(parts));
  if (told !== null) answer.end(told);
});
let side: KongSide;
let kong: Connection;
let connections: Connection[];
beforeAll(async () => {
  control.listen(0, "127.0.0.1");
  await once(control, "listening");
  side = new KongSide(`http://127.0.0.1:${(control.address() as AddressInfo).port}`);
  await side.listen();
  kong = await side.connect();
  connections = await Promise.all(Array.from({ length: 8 }, () => side.connect()));
  await vi.waitFor(() => expect(side.host.ready).toBe(true));
});
afterAll(async () => {
  await side.stop();
  control.closeAllConnections();
  control.close();
});

const begin = (instance: number, on = kong) =>
  on.result("plugin.HandleEvent", { InstanceId: instance, EventName: "access" });
const headers = (key: string) => ({ Authorization: [`Bearer ${key}`], accept: ["*/*"] });

/** The results of these calls, which the free ones of a few connections make. */
async function onAnyConnection(calls: [method: string, argument: object][]): Promise<Told[]> {
  const results: Told[] = [];
  const waiting = [...calls.entries()];
  const work = async (connection: Connection) => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [at, [method, argument]] = next;
      results[at] = await connection.result(method, argument);
    }
  };
  await Promise.all(connections.map(work));
  return results;
}

function callOf(told: Told): { Method: string; Args: unknown[] } {
  if (told.Data === "ret") throw new Error("the phase is over");
  return told.Data;
}

describe("a request", () => {
  it("with a known key takes two calls of Kong, and goes on with a ticket", async () => {
    const first = await begin(await kong.start());
    expect(callOf(first)).toEqual({ Method: "kong.request.get_headers", Args: [1000] });
    const second = await kong.result("plugin.StepMultiMap", { EventId: first.EventId, Data: headers(CLIENT_KEY) });
    const { Method, Args } = callOf(second);
    expect(Method).toBe("kong.service.request.set_headers");
    expect(Args).toEqual([{ [TICKET_HEADER]: expect.stringMatching(/^[0-9a-f]{32}$/) }]);
    expect(await kong.result("plugin.Step", { EventId: first.EventId })).toEqual({ ...first, Data: "ret" });
    expect(side.host.tickets.redeem((Args[0] as Record<string, string>)[TICKET_HEADER] ?? "", side.now)).not.toBeNull();
    expect(side.plugins.busy).toBe(0);
  });

  it("with an unknown key ends with 401 in OpenAI's shape", async () => {
    const first = await begin(await kong.start());
    const key = "sk-nobody-knows-this-key-000";
    const second = await kong.result("plugin.StepMultiMap", { EventId: first.EventId, Data: headers(key) });
    const { Method, Args } = callOf(second);
    expect(Method).toBe("kong.response.exit");
    expect(Args[0]).toBe(401);
    expect(JSON.parse(String(Args[1]))).toMatchObject({ error: { code: "invalid_api_key", param: null } });
    expect(Args[2]).toMatchObject({
      "content-type": "application/json",
      "x-request-id": expect.stringMatching(/^req_/),
    });
    // Kong says no more of it.
    expect(side.plugins.busy).toBe(0);
  });
});

describe("a fault", () => {
  it("in the phase is answered 503, never served without the plugin", async () => {
    const failed = vi.spyOn(side.host.gateway, "authorize").mockImplementationOnce(() => {
      throw new Error("bang");
    });
    const first = await begin(await kong.start());
    const second = await kong.result("plugin.StepMultiMap", { EventId: first.EventId, Data: headers(CLIENT_KEY) });
    failed.mockRestore();
    expect(callOf(second)).toMatchObject({
      Method: "kong.response.exit",
      Args: [503, expect.stringContaining("plugin_failed"), {}],
    });
  });

  it("that Kong tells of is one of the phase", async () => {
    const first = await begin(await kong.start());
    const second = await kong.result("plugin.StepError", { EventId: first.EventId, Data: "no headers here" });
    expect(callOf(second).Args[0]).toBe(503);
  });

  it("of the clock: a phase that hangs is answered 503 well before Kong goes on without it", async () => {
    const hung = vi.spyOn(side.host.gateway, "resume").mockReturnValue(WAIT);
    vi.spyOn(side.host.gateway, "authorize").mockReturnValueOnce(WAIT);
    const first = await begin(await kong.start());
    const answer = kong.result("plugin.StepMultiMap", { EventId: first.EventId, Data: headers(CLIENT_KEY) });
    await vi.waitFor(() => expect(hung).toHaveBeenCalled());
    side.plugins.sweep(side.now + 19_000);
    expect(side.plugins.busy).toBe(1);
    side.plugins.sweep(side.now + 20_000);
    expect(callOf(await answer).Args[0]).toBe(503);
    expect(side.plugins.busy).toBe(0);
    // What the phase does later counts no more.
    hung.mockReturnValue(REFUSED).mockClear();
    await vi.waitFor(() => expect(hung).toHaveBeenCalled());
    vi.restoreAllMocks();
  });

  it("of Kong: phases that it never goes on with are forgotten", async () => {
    const { EventId } = await begin(await kong.start());
    expect(side.plugins.busy).toBe(1);
    side.plugins.sweep(side.now + 65_000);
    expect(side.plugins.busy).toBe(0);
    expect(await kong.call("plugin.Step", { EventId })).toMatchObject([
      1,
      expect.any(Number),
      `event id ${EventId} not found`,
      null,
    ]);
  });

  it.each([
    ["plugin.HandleEvent", { InstanceId: 7, EventName: "access" }, "no plugin instance #7"],
    ["plugin.CloseInstance", 7, "no plugin instance #7"],
    ["plugin.StartInstance", { Name: "other", Config: "{}" }, "plugin other is not here"],
    ["plugin.StartInstance", { Name: "oneapi", Config: "{" }, "the configuration is no JSON"],
    ["plugin.Nonsense", {}, "method plugin.Nonsense not implemented"],
    ["plugin.Step", null, "an argument is missing"],
  ])("%s(%j) is an error in Kong's words", async (method, argument, error) => {
    expect(await kong.call(method, argument)).toMatchObject([1, expect.any(Number), error, null]);
  });
});

it("calls with anything in them are answered, by a result or an error in words, and let nobody through", async () => {
  const issued = vi.spyOn(side.host.tickets, "issue");
  const instance = await kong.start();
  const names = [
    "Name",
    "Config",
    "InstanceId",
    "EventName",
    "EventId",
    "Data",
    "toString",
    "x-api-key",
    "authorization",
  ];
  const anything = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("oneapi", "access", "{}", '{"key":7,"consumer_keys":"x","consumer_by":{}}', instance, null, ""),
      fc.oneof(fc.integer(), fc.double(), fc.boolean(), fc.string(), fc.uint8Array()),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie("value"), { maxKeys: 4 }),
    ),
  })).value;
  const steps = ["Step", "StepMultiMap", "StepConsumer", "StepError"];
  const methods = ["StartInstance", "CloseInstance", "HandleEvent", "", "x", ...steps];
  const call = async (method: string, argument: unknown) => {
    const [type, , error, result] = await kong.call(`plugin.${method}`, argument);
    expect(type).toBe(1);
    expect(error === null ? typeof result : typeof error).toBe(error === null ? "object" : "string");
  };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...methods), fc.constantFrom(...steps), anything, async (method, step, given) => {
      await call(method, given);
      // Of a phase that waits for the client's headers.
      const { EventId } = await begin(await kong.start());
      await call(step, { EventId, Data: given });
    }),
    { numRuns: 300, seed: 7 },
  );
  expect(issued).not.toHaveBeenCalled();
  issued.mockRestore();
  side.plugins.sweep(side.now + 65_000);
  expect(side.plugins.busy).toBe(0);
});

describe("ids", () => {
  it("are those of no process before, and of nothing else", async () => {
    const ids = [await kong.start(), await kong.start(), (await begin(await kong.start())).EventId];
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) {
      expect(id).toBeGreaterThan(1.7e15);
      expect(Number.isSafeInteger(id)).toBe(true);
    }
    const later = new KongSide("http://127.0.0.1:1");
    await later.listen();
    expect(await (await later.connect()).start()).toBeGreaterThan(Math.max(...ids));
    await later.stop();
  });

  it("of a closed instance, and of one unused for an hour, are unknown", async () => {
    const [closed, unused] = [await kong.start({ key: CLIENT_KEY }), await kong.start()];
    expect(await kong.result("plugin.CloseInstance", closed)).toMatchObject({
      Id: closed,
      Config: { key: CLIENT_KEY },
    });
    side.plugins.sweep(side.now + 3_600_000);
    for (const id of [closed, unused]) await expect(begin(id)).rejects.toThrow(`no plugin instance #${id}`);
  });
});

describe("a Kong that asks for more than it ever uses", () => {
  const answer = (method: string, argument: unknown) => side.plugins.answer({ id: 1, method, args: [argument] });

  it("loses the oldest phases: they serve nobody", async () => {
    const InstanceId = await kong.start();
    const first = await begin(InstanceId);
    const before = side.plugins.busy;
    const rest = Array.from({ length: 20_000 }, () =>
      answer("plugin.HandleEvent", { InstanceId, EventName: "access" }),
    );
    await Promise.all(rest);
    expect(before).toBe(1);
    expect(side.plugins.busy).toBe(20_000);
    const step = answer("plugin.StepMultiMap", { EventId: first.EventId, Data: headers(CLIENT_KEY) });
    await expect(step).rejects.toThrow(`event id ${first.EventId} not found`);
    side.plugins.sweep(side.now + 65_000);
    expect(side.plugins.busy).toBe(0);
  });

  it("loses the oldest instances: they are made anew", async () => {
    const first = await kong.start();
    const start = { Name: "oneapi", Config: "{}" };
    for (let i = 0; i < 10_000; i++) await answer("plugin.StartInstance", start);
    await expect(begin(first)).rejects.toThrow(`no plugin instance #${first}`);
    const { Id } = (await answer("plugin.StartInstance", start)) as { Id: number };
    const { EventId } = await begin(Id);
    await kong.result("plugin.StepError", { EventId, Data: "enough" });
  });

  it("and never reads its answers is not read either, until it does", async () => {
    const { socket } = await side.connect();
    socket.removeAllListeners("data").pause();
    const [count, size] = [100, 50_000];
    const big = { Name: "oneapi", Config: JSON.stringify({ key: "x".repeat(size) }) };
    for (let id = 1; id <= count; id++) socket.write(encodeAsKong([0, id, "plugin.StartInstance", [big]]));
    const drained = once(socket, "drain", { signal: AbortSignal.timeout(500) });
    await expect(drained).rejects.toThrow();
    expect(socket.writableLength).toBeGreaterThan((count * size) / 2);
    let answered = 0;
    socket.on("data", (part: Buffer) => {
      answered += part.length;
    });
    socket.resume();
    await vi.waitFor(() => expect(answered).toBeGreaterThan(count * size), 10_000);
  });
});

describe("the wire", () => {
  it("may cut a message anywhere, and join several", async () => {
    const other = await side.connect();
    const frame = other.frame("plugin.StartInstance", { Name: "oneapi", Config: "{}" });
    for (const byte of frame) other.socket.write(Buffer.of(byte));
    expect((await other.next())[2]).toBeNull();
    const three = [1, 2, 3].map(() => other.frame("plugin.StartInstance", { Name: "oneapi", Config: "{}" }));
    other.socket.write(Buffer.concat(three));
    const answers = [await other.next(), await other.next(), await other.next()];
    expect(answers.map(([, id, error]) => [id, error])).toEqual([2, 3, 4].map((id) => [id, null]));
  });

  it("may carry the steps of a phase on another connection", async () => {
    const other = await side.connect();
    const first = await begin(await kong.start());
    const second = await other.result("plugin.StepMultiMap", { EventId: first.EventId, Data: headers(CLIENT_KEY) });
    expect(callOf(second).Method).toBe("kong.service.request.set_headers");
    await kong.result("plugin.Step", { EventId: first.EventId });
  });

  it("may carry many phases at once, each step on whatever connection is free, and none gets another's configuration", async () => {
    const wishes = [
      { model_name_header: true, usage_headers: false },
      { model_name_header: false, usage_headers: true },
      { model_name_header: true, usage_headers: true },
    ];
    const instances = await Promise.all(wishes.map((config, at) => connections[at]?.start(config)));
    const phases = await onAnyConnection(
      Array.from({ length: 90 }, (_, at) => [
        "plugin.HandleEvent",
        { InstanceId: instances[at % 3], EventName: "access" },
      ]),
    );
    // Answered in another order than they were begun.
    const order = [...phases.keys()].sort((one, other) => ((one * 37) % 90) - ((other * 37) % 90));
    const told = await onAnyConnection(
      order.map((at) => ["plugin.StepMultiMap", { EventId: phases[at]?.EventId, Data: headers(CLIENT_KEY) }]),
    );
    for (const [place, at] of order.entries()) {
      const [given] = callOf(told[place] as Told).Args as [Record<string, string>];
      const { model_name_header: modelHeader, usage_headers: usageHeaders } = wishes[at % 3] ?? {};
      const ticket = given[TICKET_HEADER] ?? "";
      expect(side.host.tickets.redeem(ticket, side.now)).toEqual({ key: null, modelHeader, usageHeaders });
    }
    await onAnyConnection(order.map((at) => ["plugin.Step", { EventId: phases[at]?.EventId }]));
    expect(side.plugins.busy).toBe(0);
  });

  it.each([
    ["bytes of nothing", Buffer.of(0xc1, 0xff, 0x00)],
    ["a text", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["a list that is no call", Buffer.of(0x92, 0, 1)],
    ["a length beyond all", Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff)],
  ])("that brings %s is closed, and the others go on", async (_, bytes) => {
    const other = await side.connect();
    const closed = once(other.socket, "close", { signal: AbortSignal.timeout(5000) });
    other.socket.write(bytes);
    await closed;
    expect(await kong.start()).toBeGreaterThan(0);
  });
});
