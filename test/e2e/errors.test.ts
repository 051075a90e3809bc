/** What a client gets when something is wrong: OpenAI's shape, OpenAI's status, the SDK's typed exceptions. */
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { GATEWAY_KIND } from "./gateway.ts";
import type { Incoming } from "./http.ts";
import { chat, KEYS, startWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

const CHAT = "/chat/completions";

interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

/** Every error has four keys, a request id and JSON's content type. */
function errorOf(answer: Incoming): ErrorBody["error"] {
  expect(answer.headers["content-type"]).toContain("application/json");
  expect(answer.headers["x-request-id"]).toMatch(/.{8,}/);
  const { error } = JSON.parse(answer.text) as ErrorBody;
  expect(Object.keys(error).sort()).toEqual(["code", "message", "param", "type"]);
  expect(error.message).not.toBe("");
  return error;
}

describe("keys", () => {
  it.each<[string, string | null, string?]>([
    ["no key", null],
    ["an unknown key", "sk-nobody-knows-this-one-000"],
    ["an unknown key in the service's own form", `sk-oa-${"A".repeat(43)}`],
    ["an expired key", KEYS.expired, "key_expired"],
    ["a key of strange characters", "sk-\x80\xff\xe9".padEnd(30, "x")],
    ["a very long key", `sk-${"x".repeat(4000)}`],
  ])("%s gets 401", async (_, key, code = "invalid_api_key") => {
    const answer = await world.gateway.send(CHAT, key, chat("solo", "hi"));
    expect(answer.status).toBe(401);
    expect(errorOf(answer)).toMatchObject({ code });
    expect(world.primary.log()).toEqual([]);
  });

  it("a disabled key gets 401", async () => {
    const made = await world.gateway.adminJson<{ id: string; secret: string }>("POST", "/keys", {
      project: "main",
      name: "d",
    });
    expect((await world.gateway.send(CHAT, made.secret, chat("solo", "hi"))).status).toBe(200);
    await world.gateway.adminJson("PATCH", `/keys/${made.id}`, { disabled: true });
    await expect
      .poll(async () => (await world.gateway.send(CHAT, made.secret, chat("solo", "hi"))).status, { timeout: 1000 })
      .toBe(401);
  });

  it("a key from a forbidden address gets 403, and the refusal is recorded", async () => {
    const answer = await world.gateway.send(CHAT, KEYS.elsewhere, chat("solo", "hi"));
    expect(answer.status).toBe(403);
    errorOf(answer);
    expect(await world.gateway.record(answer.headers["x-request-id"])).toMatchObject({
      outcome: "rejected",
      attempts: [],
    });
  });

  it.each(["x-api-key", "api-key"])("a key may also come as %s", async (name) => {
    const answer = await world.gateway.send(CHAT, null, chat("solo", "hi"), { headers: { [name]: KEYS.main } });
    expect(answer.status).toBe(200);
  });
});

describe("models", () => {
  it.each([
    ["unknown", KEYS.main, "no-such-model"],
    ["not allowed for the key", KEYS.narrow, "claude"],
  ])("a model that is %s gets 404", async (_, key, model) => {
    const answer = await world.gateway.send(CHAT, key, chat(model, "hi"));
    expect(answer.status).toBe(404);
    expect(errorOf(answer)).toMatchObject({ code: "model_not_found", type: "invalid_request_error" });
    expect(await world.gateway.record(answer.headers["x-request-id"])).toMatchObject({
      outcome: "rejected",
      requested_model: model,
      usage_source: "none",
    });
  });
});

describe("paths", () => {
  it.each([
    ["an unknown path", "POST", "/nonsense", 404],
    ["a path of another API version", "POST", "/../v2/chat/completions", 404],
    ["a path that is only a beginning", "POST", "/chat/completions/extra", 404],
    ["GET on chat", "GET", CHAT, 405],
    ["DELETE on models", "DELETE", "/models", 405],
  ])("%s gets its status", async (_, method, path, status) => {
    const body = method === "POST" ? chat("solo", "hi") : undefined;
    const answer = await world.gateway.send(path, KEYS.main, body, { method });
    expect(answer.status).toBe(status);
    // What none of its routes is for, Kong answers itself.
    if (GATEWAY_KIND !== "kong" || !path.startsWith("/..")) errorOf(answer);
  });
});

describe("the SDK throws", () => {
  const create = (model: string, key: string = KEYS.main) =>
    world.gateway.client(key).chat.completions.create({ model, messages: [{ role: "user", content: "hi" }] });

  it("AuthenticationError", () =>
    expect(create("solo", "sk-wrong")).rejects.toBeInstanceOf(OpenAI.AuthenticationError));
  it("PermissionDeniedError", () =>
    expect(create("solo", KEYS.elsewhere)).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError));
  it("NotFoundError", () => expect(create("no-such-model")).rejects.toBeInstanceOf(OpenAI.NotFoundError));

  it.each([
    ["solo", "primary"],
    ["claude", "claude"],
  ] as const)("the class of %s's status", async (model, provider) => {
    const classes = [
      [400, OpenAI.BadRequestError],
      [404, OpenAI.NotFoundError],
      [409, OpenAI.ConflictError],
      [422, OpenAI.UnprocessableEntityError],
      [429, OpenAI.RateLimitError],
      [500, OpenAI.InternalServerError],
      [503, OpenAI.InternalServerError],
    ] as const;
    for (const [status, expected] of classes) {
      world[provider].script({ status, message: `the vendor says ${status}` });
      const problem = await create(model).catch((thrown: unknown) => thrown);
      expect(problem).toBeInstanceOf(expected);
      expect(problem).toMatchObject({ status, requestID: expect.stringMatching(/.{8,}/) as string });
    }
  });

  it("BadRequestError that names the field", async () => {
    const problem = await world.gateway
      .client(KEYS.main)
      .chat.completions.create({ model: "solo", messages: [{ role: "user", content: "hi" }], temperature: 3 })
      .catch((thrown: unknown) => thrown);
    expect(problem).toBeInstanceOf(OpenAI.BadRequestError);
    expect(problem).toMatchObject({ param: "temperature", type: "invalid_request_error" });
  });
});

describe("a provider's own errors", () => {
  it("400 is the client's: passed on, not retried, recorded as client_error", async () => {
    world.primary.script({ status: 400, message: "bad thing" });
    const answer = await world.gateway.send(CHAT, KEYS.main, chat("pair", "hi"));
    expect(answer.status).toBe(400);
    expect(errorOf(answer).message).toContain("bad thing");
    expect(world.secondary.log()).toEqual([]);
    expect(await world.gateway.record(answer.headers["x-request-id"])).toMatchObject({
      outcome: "client_error",
      attempts: [{ provider: "primary", status: 400 }],
    });
  });

  it.each([
    ["solo", "primary"],
    ["claude", "claude"],
  ] as const)("401 is the gateway's own: 502 without the vendor's text (%s)", async (model, provider) => {
    for (const status of [401, 402, 403]) {
      world[provider].script({ status, message: `Incorrect API key provided: provider-secret-${provider}` });
      const answer = await world.gateway.send(CHAT, KEYS.main, chat(model, "hi"));
      expect(answer.status).toBe(502);
      const error = errorOf(answer);
      expect([error.code, error.type]).toContain("provider_error");
      expect(answer.text).not.toContain("provider-secret");
      expect(answer.text).not.toContain("Incorrect");
      expect(await world.gateway.record(answer.headers["x-request-id"])).toMatchObject({ outcome: "provider_error" });
    }
  });

  it("529 becomes 503", async () => {
    world.claude.script({ status: 529, message: "Overloaded" });
    const answer = await world.gateway.send(CHAT, KEYS.main, chat("claude", "hi"));
    expect(answer.status).toBe(503);
    errorOf(answer);
  });

  it("429 keeps its retry-after", async () => {
    world.primary.script({ status: 429, headers: { "retry-after": "7" } });
    const answer = await world.gateway.send(CHAT, KEYS.main, chat("solo", "hi"));
    expect(answer.status).toBe(429);
    expect(answer.headers["retry-after"]).toBe("7");
  });

  it.each([
    ["HTML", { status: 502, text: "<html><body>Bad Gateway</body></html>" }],
    ["plain text", { status: 500, text: "oops" }],
    ["an empty body", { status: 500, text: "" }],
    ["JSON of another shape", { status: 500, json: { detail: ["x"] } }],
    ["JSON that is no object", { status: 500, json: [1] }],
  ])("an error that is %s is answered in OpenAI's shape", async (_, behaviour) => {
    world.primary.script(behaviour);
    const answer = await world.gateway.send(CHAT, KEYS.main, chat("solo", "hi"));
    expect(answer.status).toBe(behaviour.status);
    expect(errorOf(answer).message).not.toContain("<html>");
  });

  it("a success that is no JSON is a fault of the provider", async () => {
    world.primary.script({ status: 200, text: "<html>login</html>" });
    const answer = await world.gateway.send(CHAT, KEYS.main, chat("solo", "hi"));
    expect(answer.status).toBeGreaterThanOrEqual(500);
    errorOf(answer);
  });
});

describe("every answer", () => {
  it("carries an x-request-id, different each time", async () => {
    const answers = await Promise.all([
      world.gateway.send(CHAT, KEYS.main, chat("solo", "hi")),
      world.gateway.send(CHAT, KEYS.main, chat("solo", "hi", { stream: true })),
      world.gateway.send("/models", KEYS.main),
      world.gateway.send("/nonsense", KEYS.main),
      world.gateway.send(CHAT, null, "{"),
    ]);
    const ids = answers.map((answer) => answer.headers["x-request-id"]);
    expect(new Set(ids).size).toBe(answers.length);
    expect(ids).not.toContain(undefined);
  });
});
