/** Requests on their whole way through Kong, the process and a provider: whose key they are served under, and what Kong's log shows. */
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PluginSettings } from "../../test/kong/declared.ts";
import { chat, KongWorld, openChat } from "./kong-world.ts";

const TEAM_KEY = "sk-of-the-team-0123456789";
const OTHER_KEY = "sk-of-another-0123456789";
const world = new KongWorld({ [TEAM_KEY]: "key_team", [OTHER_KEY]: "key_other" });
beforeAll(() => world.start());
afterAll(() => world.stop());
beforeEach(() => {
  world.asked.length = 0;
});

/** As a client of Kong's own authentication sends it, in the place of a OneAPI key. */
const SENT = "what-the-team-sends-to-kong";
const consumers = [
  { username: "team", custom_id: "4711", keyauth_credentials: [{ key: SENT }] },
  { username: "stranger", keyauth_credentials: [{ key: "what-a-stranger-sends" }] },
  { username: "anybody" },
];

/** The base URL of a Kong whose one route has these plugins. */
function kongWith(oneapi: object, keyAuth: object | null = null, scoped: PluginSettings[] = []): Promise<string> {
  const auth = keyAuth === null ? [] : [{ name: "key-auth", config: { key_names: ["authorization"], ...keyAuth } }];
  const plugins = [...auth, { name: "oneapi", config: { ...oneapi } }];
  const [team, ...others] = consumers;
  return world.kong({
    services: [{ url: world.relayUrl, routes: [{ paths: ["/v1"], strip_path: false, plugins }] }],
    consumers: [{ ...team, plugins: scoped }, ...others],
  });
}

describe("a consumer of Kong's", () => {
  const mapped = { consumer_keys: { team: TEAM_KEY } };

  it("is served under its OneAPI key, and what it sent to Kong goes no further", async () => {
    const url = await kongWith(mapped, {});
    // A OneAPI key of its own choice changes nothing.
    const answer = await chat(`${url}/v1`, "hi", { authorization: SENT, "x-api-key": OTHER_KEY });
    expect(answer.status).toBe(200);
    expect(await world.record(answer.headers["x-request-id"])).toMatchObject({ key: "key_team", outcome: "ok" });
    const headers = world.asked[0]?.headers;
    expect(headers?.authorization).toBe("Bearer sk-provider");
    for (const secret of [SENT, TEAM_KEY, OTHER_KEY]) expect(JSON.stringify(headers)).not.toContain(secret);
  });

  it("may have a plugin of its own", async () => {
    const url = await kongWith({}, {}, [{ name: "oneapi", config: { key: TEAM_KEY } }]);
    const answer = await chat(`${url}/v1`, "hi", { authorization: SENT });
    expect((await world.record(answer.headers["x-request-id"])).key).toBe("key_team");
  });

  it("may have its key in Kong's vault, and is not served when it is not there", async () => {
    process.env.ONEAPI_TEST_TEAM_KEY = TEAM_KEY;
    const withKey = await kongWith({ consumer_keys: { team: "{vault://env/oneapi-test-team-key}" } }, {});
    delete process.env.ONEAPI_TEST_TEAM_KEY;
    expect((await chat(`${withKey}/v1`, "hi", { authorization: SENT })).status).toBe(200);
    for (const config of [
      { consumer_keys: { team: "{vault://env/oneapi-test-team-key}" } },
      { key: "{vault://env/oneapi-test-team-key}" },
    ]) {
      const without = await kongWith(config, {});
      const answer = await chat(`${without}/v1`, "hi", { authorization: SENT, "x-api-key": OTHER_KEY });
      expect([answer.status, answer.code]).toEqual([503, "key_not_resolved"]);
    }
    expect(world.asked).toHaveLength(1);
  });

  it.each([
    ["without a key here", {}, "what-a-stranger-sends", "401 consumer_without_key"],
    // Kong's own refusal.
    ["that Kong does not know", {}, `Bearer ${TEAM_KEY}`, "401 "],
    [
      "that stands for whom Kong does not know",
      { anonymous: "anybody" },
      `Bearer ${TEAM_KEY}`,
      "401 consumer_without_key",
    ],
    ["that nothing asks for", null, `Bearer ${TEAM_KEY}`, "401 consumer_not_authenticated"],
  ])("%s is refused", async (_, keyAuth, authorization, expected) => {
    const url = await kongWith(mapped, keyAuth);
    const answer = await chat(`${url}/v1`, "hi", { authorization });
    expect(`${answer.status} ${answer.code}`).toBe(expected);
    expect(world.asked).toEqual([]);
  });

  it("that stands for whom Kong does not know is served when it is named", async () => {
    const url = await kongWith({ consumer_keys: { anybody: TEAM_KEY } }, { anonymous: "anybody" });
    const answer = await chat(`${url}/v1`, "hi", { authorization: `Bearer ${OTHER_KEY}` });
    expect((await world.record(answer.headers["x-request-id"])).key).toBe("key_team");
  });
});

describe("an answer's headers, which Kong's log plugins show", () => {
  const told = (headers: object) => Object.entries(headers).filter(([name]) => name.startsWith("x-kong-llm-"));

  it("tell who served and what the provider counted, where the configuration says so", async () => {
    const url = await kongWith({ key: TEAM_KEY, model_name_header: true, usage_headers: true });
    const answer = await chat(`${url}/v1`, "hi");
    expect(told(answer.headers)).toEqual([
      ["x-kong-llm-model", "provider/demo"],
      ["x-kong-llm-prompt-tokens", "7"],
      ["x-kong-llm-completion-tokens", "5"],
      ["x-kong-llm-total-tokens", "12"],
    ]);
    expect(await world.record(answer.headers["x-request-id"])).toMatchObject({
      usage: { prompt_tokens: 7, completion_tokens: 5 },
    });
  });

  it("tell no count that is not known: of a stream, which has just begun, and where the provider says none", async () => {
    const url = await kongWith({ key: TEAM_KEY, usage_headers: true });
    const stream = await openChat(`${url}/v1`, "hi", {}, true);
    world.asked[0]?.answer.end("data: [DONE]\n\n");
    await once(stream.resume(), "end");
    expect(told(stream.headers)).toEqual([]);
    expect(told((await chat(`${url}/v1`, "uncounted")).headers)).toEqual([]);
  });

  it("tell nothing unless they are to", async () => {
    const url = await kongWith({ key: TEAM_KEY });
    expect(told((await chat(`${url}/v1`, "hi")).headers)).toEqual([]);
  });
});
