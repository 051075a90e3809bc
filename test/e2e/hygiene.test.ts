/** Headers: what belongs to one side never reaches the other. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CREDENTIALS, chat, KEYS, startWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

const CHAT = "/chat/completions";
const BOTH = [
  { model: "solo", provider: "primary" },
  { model: "claude", provider: "claude" },
] as const;

describe.each(BOTH)("towards $provider", ({ model, provider }) => {
  it("goes the provider's own credential and nothing of the client's identity", async () => {
    const headers = {
      "x-api-key": "sk-client-other-key-00000000",
      "api-key": "sk-client-other-key-00000000",
      cookie: "session=client",
      "openai-organization": "org-client",
      "openai-project": "proj-client",
      "anthropic-version": "1999-01-01",
      "anthropic-beta": "client-beta",
      "x-forwarded-for": "203.0.113.7",
    };
    const answer = await world.gateway.send(CHAT, KEYS.main, chat(model, "hi"), { headers });
    expect(answer.status).toBe(200);
    const [seen] = world[provider].log();
    const text = JSON.stringify(seen?.headers);
    expect(text).not.toContain(KEYS.main);
    expect(text).not.toContain("client");
    expect(text).not.toContain("203.0.113.7");
    expect(text).not.toContain("1999-01-01");
    expect(text).toContain(CREDENTIALS[provider]);
    for (const other of Object.values(CREDENTIALS)) {
      if (other !== CREDENTIALS[provider]) expect(text).not.toContain(other);
    }
  });

  it("go no headers of the gateway's own namespace", async () => {
    await world.gateway.send(CHAT, KEYS.main, chat(model, "hi"));
    const names = Object.keys(world[provider].log()[0]?.headers ?? {});
    expect(names.filter((name) => /^x-(oneapi|envoy|kong)/.test(name))).toEqual([]);
    expect(world[provider].log()[0]?.headers.host).toBe(`127.0.0.1:${world[provider].port}`);
    expect(world[provider].log()[0]?.headers["accept-encoding"] ?? "identity").toBe("identity");
  });

  it("the provider's headers stay there", async () => {
    for (const stream of [false, true]) {
      const answer = await world.gateway.send(CHAT, KEYS.main, chat(model, "hi", { stream }));
      const names = Object.keys(answer.headers);
      const leaked = names.filter((name) =>
        /^(set-cookie|openai-organization|anthropic-|request-id|x-ratelimit|x-oneapi|x-envoy|cf-|alt-svc)/.test(name),
      );
      expect(leaked).toEqual([]);
      expect(JSON.stringify(answer.headers)).not.toContain("cloudflare");
      expect(JSON.stringify(answer.headers) + answer.text).not.toContain("provider-secret");
    }
  });

  it("the provider's headers stay there when it fails", async () => {
    world[provider].script({
      status: 400,
      headers: { "x-oneapi-cluster": "x", "x-envoy-retry-on": "5xx", "set-cookie": "a=b" },
    });
    const answer = await world.gateway.send(CHAT, KEYS.main, chat(model, "hi"));
    const leaked = Object.keys(answer.headers).filter((name) =>
      /^(set-cookie|openai-organization|anthropic-|x-oneapi|x-envoy)/.test(name),
    );
    expect(leaked).toEqual([]);
  });
});

describe("a client cannot steer", () => {
  it.each([
    ["the cluster", { "x-oneapi-cluster": "oneapi-order:secondary" }],
    ["the ticket", { "x-oneapi-ticket": "1" }],
    ["any header of ours", { "x-oneapi-provider": "secondary", "x-oneapi-anything": "1" }],
    ["the router", { "x-envoy-max-retries": "9", "x-envoy-retry-on": "5xx", "x-envoy-upstream-rq-timeout-ms": "1" }],
    ["the host", { "x-envoy-original-dst-host": "127.0.0.1:1", host: "evil.example" }],
    ["the path", { "x-envoy-original-path": "/admin", "x-original-url": "/admin", "x-rewrite-url": "/admin" }],
  ])("%s", async (_, headers) => {
    world.primary.script({ status: 503, delay_ms: 50, match: { model: "gpt-4.1-mini" } });
    const answer = await world.gateway.send(CHAT, KEYS.main, chat("solo", "hi"), { headers });
    expect(answer.status).toBe(503);
    expect(world.primary.log()).toHaveLength(1);
    expect(world.secondary.log()).toEqual([]);
    expect(JSON.stringify(world.primary.log()[0]?.headers)).not.toContain("x-oneapi");
  });

  it("the id of its operation", async () => {
    const wish = "11111111-1111-4111-8111-111111111111";
    const ids: unknown[] = [];
    for (let time = 0; time < 2; time++) {
      const headers = { "x-request-id": wish };
      const answer = await world.gateway.send(CHAT, KEYS.main, chat("solo", "hi"), { headers });
      ids.push(answer.headers["x-request-id"]);
      await world.gateway.record(answer.headers["x-request-id"]);
    }
    expect(ids).not.toContain(wish);
    expect(new Set(ids).size).toBe(2);
    expect(await world.gateway.records({ operation_id: wish })).toEqual([]);
  });

  it("where a refused request goes: nowhere", async () => {
    const headers = { "x-oneapi-cluster": "oneapi-order:primary" };
    expect((await world.gateway.send(CHAT, null, chat("solo", "hi"), { headers })).status).toBe(401);
    expect((await world.gateway.send("/../gateway/v1/sync", null, {}, { headers })).status).toBeGreaterThanOrEqual(400);
    expect((await world.gateway.send("/nonsense", KEYS.main, {}, { headers })).status).toBe(404);
    expect(world.primary.log()).toEqual([]);
  });
});

it("the control service is not to be reached through the gateway", async () => {
  for (const path of ["/admin/v1/config", "/gateway/v1/sync", "/v3/discovery:clusters", "/metrics", "/healthz"]) {
    const answer = await world.gateway.send(
      `/..${path}`,
      KEYS.main,
      {},
      { headers: { authorization: `Bearer ${world.gateway.adminToken}` } },
    );
    expect([401, 404, 405]).toContain(answer.status);
  }
});
