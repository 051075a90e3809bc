import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { chunksOf, probe } from "./probe.ts";

const PATH = "/api/paas/v4/chat/completions";
const KEY = "account.secret";
const hello = { model: "glm-4.6", messages: [{ role: "user", content: "hello there" }] };
const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];
const { ask, text } = probe(
  { keys: [KEY], models: ["glm-4.6", "embedding-3", "cogview-4"], context: 20 },
  { authorization: `Bearer ${KEY}` },
);

function token(payload: object, head: object = { alg: "HS256", sign_type: "SIGN" }, secret = "secret"): string {
  const parts = [head, payload].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `Bearer ${parts}.${createHmac("sha256", secret).update(parts).digest("base64url")}`;
}

describe("Zhipu dialect", () => {
  it("answers without `object`", async () => {
    const answer = await ask(PATH, hello);
    expect(answer.json).toMatchObject({
      choices: [{ message: { content: "hello there" } }],
      usage: { total_tokens: 4 },
    });
    expect(answer.json).not.toHaveProperty("object");
  });

  it("streams with the role on every delta, usage on the last, whatever is asked", async () => {
    const said = await text(PATH, { ...hello, stream: true });
    const chunks = chunksOf(said);
    expect(chunks).toHaveLength(3);
    for (const chunk of chunks) expect(chunk).toMatchObject({ choices: [{ delta: { role: "assistant" } }] });
    expect(chunks[0]).not.toHaveProperty("object");
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: "stop" }], usage: { total_tokens: 4 } });
    expect(said).toMatch(/data: \[DONE\]\n\n$/);
  });

  it("streams calls whole, or bit by bit when asked", async () => {
    const body = { ...hello, messages: [{ role: "user", content: 'call f {"x": 1}' }], tools, stream: true };
    const whole = chunksOf(await text(PATH, body));
    expect(whole[0]).toMatchObject({
      choices: [{ delta: { tool_calls: [{ index: 0, function: { arguments: '{"x": 1}' } }] } }],
    });
    expect(chunksOf(await text(PATH, { ...body, tool_stream: true }))).toHaveLength(4);
  });

  it("thinks when it is told to", async () => {
    const body = { ...hello, thinking: { type: "enabled" } };
    expect(await ask(PATH, body)).toMatchObject({
      json: { choices: [{ message: { reasoning_content: expect.stringMatching(/hello/) } }] },
    });
  });

  it("sees bare base64", async () => {
    const content = [
      { type: "text", text: "see" },
      { type: "image_url", image_url: { url: "iVBORw0K" } },
    ];
    const body = { ...hello, messages: [{ role: "user", content }] };
    expect(await ask(PATH, body)).toMatchObject({
      json: { choices: [{ message: { content: "see [image image/png 6 bytes]" } }] },
    });
  });

  it("embeds as numbers only, and gives images by their address", async () => {
    const embedded = await ask("/api/paas/v4/embeddings", {
      model: "embedding-3",
      input: "abc",
      encoding_format: "base64",
    });
    expect(embedded.json).toMatchObject({
      data: [{ embedding: [3, 0, 0, 0, 0, 0, 0, 0] }],
      usage: { completion_tokens: 0 },
    });
    const image = await ask("/api/paas/v4/images/generations", { model: "cogview-4", prompt: "a cat" });
    expect(image.json).toMatchObject({ data: [{ url: expect.stringMatching(/^https:/) }], content_filter: [{}] });
  });

  const said = (message: object) => ({ ...hello, messages: [message] });
  it.each([
    ["only a system message", said({ role: "system", content: "x" }), "1214"],
    ["an empty message", said({ role: "user", content: "" }), "1214"],
    ["a message's author", said({ role: "user", content: "x", name: "ada" }), "1214"],
    ["a temperature of 1", { ...hello, temperature: 1 }, "1214"],
    ["a top_p of 1", { ...hello, top_p: 1 }, "1214"],
    ["two stop words", { ...hello, stop: ["a", "b"] }, "1214"],
    ["a stop word alone", { ...hello, stop: "a" }, "1214"],
    ["a forced tool", { ...hello, tools, tool_choice: "required" }, "1214"],
    ["a JSON schema", { ...hello, response_format: { type: "json_schema" } }, "1214"],
    ["an unknown model", { ...hello, model: "m" }, "1211"],
    ["no messages", { model: "glm-4.6" }, "1213"],
    ["a long prompt", said({ role: "user", content: "word ".repeat(21) }), "1261"],
  ])("refuses %s", async (_, body, code) => {
    expect(await ask(PATH, body)).toMatchObject({ status: 400, json: { error: { code } } });
  });

  const now = Date.now();
  const claims = { api_key: "account", exp: now + 60_000, timestamp: now };
  it.each([
    ["takes a signed token", token(claims), undefined],
    ["refuses no token", "", "1001"],
    ["refuses a token of no form", "Bearer x", "1002"],
    ["refuses another secret", token(claims, undefined, "guess"), "1004"],
    ["refuses seconds", token({ ...claims, exp: Math.round(now / 1000) + 60 }), "1003"],
    ["refuses a head without sign_type", token(claims, { alg: "HS256", typ: "JWT" }), "1002"],
  ])("%s", async (_, authorization, code) => {
    const answer = await ask(PATH, hello, { authorization });
    expect(answer.status).toBe(code === undefined ? 200 : 401);
    if (code !== undefined) expect(answer.json).toMatchObject({ error: { code } });
  });
});
