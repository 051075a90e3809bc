/** Whose key a request is served under: the client's, the configuration's, or that of Kong's consumer. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CLIENT_KEY, ControlStandIn } from "../../shared/vectors/control.ts";
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
beforeAll(async () => {
  control.listen(0, "127.0.0.1");
  await once(control, "listening");
  side = new KongSide(`http://127.0.0.1:${(control.address() as AddressInfo).port}`);
  await side.listen();
  kong = await side.connect();
  await vi.waitFor(() => expect(side.host.ready).toBe(true));
});
afterAll(async () => {
  await side.stop();
  control.closeAllConnections();
  control.close();
});

const OTHERS_KEY = "sk-a-key-of-someone-else-00";
const ada = { id: "6f5902ac-237e-4a33-9d2b-6cc1f2c6b9d5", username: "ada", custom_id: "4711", tags: ["staff"] };

/** Kong's part of a request with this configuration; `consumer` absent: nobody was authenticated. The methods, and what came last. */
async function request(config: object, consumer?: object, headers: Record<string, string[]> = {}) {
  let told: Told = await kong.result("plugin.HandleEvent", {
    InstanceId: await kong.start(config),
    EventName: "access",
  });
  const methods: string[] = [];
  for (;;) {
    if (told.Data === "ret") throw new Error("the phase ended without a word");
    const { Method, Args } = told.Data;
    methods.push(Method.replace("kong.", ""));
    const { EventId } = told;
    if (Method === "kong.client.get_consumer") {
      told = await kong.result("plugin.StepConsumer", { EventId, ...(consumer && { Data: consumer }) });
    } else if (Method === "kong.request.get_headers") {
      told = await kong.result("plugin.StepMultiMap", { EventId, Data: headers });
    } else if (Method === "kong.response.exit") {
      const [status, body] = Args as [number, string];
      const { error } = JSON.parse(body) as { error: { message: string; code: string; type: string; param: null } };
      expect(Object.keys(error).sort()).toEqual(["code", "message", "param", "type"]);
      return { methods, refused: `${status} ${error.code}`, message: error.message, key: undefined };
    } else {
      expect((await kong.result("plugin.Step", { EventId })).Data).toBe("ret");
      expect(Object.keys(Args[0] as object)).toEqual([TICKET_HEADER]);
      const [ticket = ""] = Object.values(Args[0] as Record<string, string>);
      return { methods, refused: null, key: side.host.tickets.redeem(ticket, side.now)?.key };
    }
  }
}

const served = { methods: ["client.get_consumer", "service.request.set_headers"], refused: null, key: CLIENT_KEY };
const refused = (by: string) => ({
  methods: ["client.get_consumer", "response.exit"],
  refused: by,
  message: expect.any(String),
  key: undefined,
});

describe("a plugin with `consumer_keys`", () => {
  it.each([
    [{ consumer_keys: { ada: CLIENT_KEY } }, ada],
    [{ consumer_keys: { ada: CLIENT_KEY }, consumer_by: ["username"] }, ada],
    [{ consumer_keys: { "4711": CLIENT_KEY }, consumer_by: ["custom_id"] }, ada],
    [{ consumer_keys: { [ada.id]: CLIENT_KEY }, consumer_by: ["username", "id"] }, ada],
    // The first that is there counts.
    [{ consumer_keys: { ada: CLIENT_KEY, "4711": OTHERS_KEY }, consumer_by: ["username", "custom_id"] }, ada],
    [{ consumer_keys: { ada: OTHERS_KEY, "4711": CLIENT_KEY }, consumer_by: ["custom_id", "username"] }, ada],
    // The consumer that Kong takes for those whom it does not know, when it is named.
    [{ consumer_keys: { anonymous: CLIENT_KEY } }, { id: "1", username: "anonymous" }],
  ])("%j serves the consumer under its key", async (config, consumer) => {
    // What the client sends is for Kong, and is not looked at.
    expect(await request(config, consumer, { authorization: [`Bearer ${OTHERS_KEY}`] })).toEqual(served);
  });

  it.each<[consumer: object | undefined, keys: object, by: string[], error: string]>([
    [undefined, { ada: CLIENT_KEY }, ["username"], "401 consumer_not_authenticated"],
    [{ ...ada, username: "bob" }, { ada: CLIENT_KEY }, ["username"], "401 consumer_without_key"],
    [{ id: "1", username: "anonymous" }, { ada: CLIENT_KEY }, ["username"], "401 consumer_without_key"],
    // Another property of another consumer may have the same text.
    [{ ...ada, username: "bob", custom_id: "ada" }, { ada: CLIENT_KEY }, ["username"], "401 consumer_without_key"],
    [{ id: "ada" }, { ada: CLIENT_KEY }, ["username", "custom_id"], "401 consumer_without_key"],
    [{ id: "1", username: "" }, { "": CLIENT_KEY, ada: CLIENT_KEY }, ["custom_id"], "401 consumer_without_key"],
    [{ id: "1", username: "__proto__" }, { ada: CLIENT_KEY }, ["username"], "401 consumer_without_key"],
    [{ id: "1", username: "constructor" }, { ada: CLIENT_KEY }, ["username"], "401 consumer_without_key"],
    // An empty map, in both of the forms that Lua may give it.
    [ada, {}, ["username"], "401 consumer_without_key"],
    [ada, [], ["username"], "401 consumer_without_key"],
    // What the vault does not have is an empty text, and no key at all.
    [ada, { ada: "" }, ["username"], "503 key_not_resolved"],
    [ada, { ada: "", "4711": CLIENT_KEY }, ["username", "custom_id"], "503 key_not_resolved"],
    [ada, { ada: 17 }, ["username"], "503 key_not_resolved"],
    // A key that OneAPI does not know.
    [ada, { ada: OTHERS_KEY }, ["username"], "401 invalid_api_key"],
  ])("refuses %j of %j by %j: %s", async (consumer, keys, by, error) => {
    const config = { consumer_keys: keys, consumer_by: by };
    const own = { authorization: [`Bearer ${CLIENT_KEY}`], "x-api-key": [CLIENT_KEY] };
    expect(await request(config, consumer, own)).toEqual(refused(error));
  });

  it("counts whom it refuses, and never uses its `key` for them", async () => {
    const count = () => Number(/^oneapi_unauthorized_total (\d+)$/m.exec(side.host.metrics.text())?.[1]);
    const before = count();
    const config = { key: CLIENT_KEY, consumer_keys: { ada: CLIENT_KEY } };
    expect(await request(config)).toEqual(refused("401 consumer_not_authenticated"));
    expect(await request(config, { id: "1", username: "bob" })).toEqual(refused("401 consumer_without_key"));
    expect(count()).toBe(before + 2);
  });
});

describe("a plugin with a `key`", () => {
  it("serves everyone under it, in one call of Kong", async () => {
    const own = { authorization: [`Bearer ${OTHERS_KEY}`] };
    const methods = ["service.request.set_headers"];
    expect(await request({ key: CLIENT_KEY }, undefined, own)).toEqual({ methods, refused: null, key: CLIENT_KEY });
  });

  it("that OneAPI does not know is not called the client's", async () => {
    const { refused, message } = await request({ key: OTHERS_KEY });
    expect(refused).toBe("401 invalid_api_key");
    expect(message).toMatch(/^The key that the gateway has for you/);
    const own = await request({}, undefined, { authorization: [`Bearer ${OTHERS_KEY}`] });
    expect(own.message).toBe("Incorrect API key provided.");
  });

  it("that the vault does not have serves nobody, under no other key, and says so in its log", async () => {
    const own = { authorization: [`Bearer ${CLIENT_KEY}`] };
    for (const key of ["", 17]) {
      side.logged.length = 0;
      const outcome = await request({ key, $refs: { key: "{vault://env/team-key}" } }, ada, own);
      expect(outcome).toMatchObject({ methods: ["response.exit"], refused: "503 key_not_resolved" });
      expect(side.logged).toEqual([expect.stringContaining("is empty")]);
    }
  });
});

it("a plugin with neither serves the client under its own key, whoever Kong's consumer is", async () => {
  const methods = ["request.get_headers", "service.request.set_headers"];
  const own = { authorization: [`Bearer ${CLIENT_KEY}`] };
  expect(await request({}, ada, own)).toEqual({ methods, refused: null, key: null });
});
