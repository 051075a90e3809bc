import "../../target.ts";
import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { EMBEDDINGS, IMAGES } from "../../exchange.ts";
import { CREATED, chat, type JsonObject, type Setting, send } from "./harness.ts";

const USER = { role: "user", content: "Hi" };
const TOOLS = [
  { type: "function", function: { name: "f", parameters: { type: "object" } } },
  { type: "function", function: { name: "g" } },
];

/** What of the body is not there for every chat. */
function fields(members: JsonObject, setting: Setting = {}): JsonObject {
  const { problem, body } = send(chat(members), setting);
  expect(problem).toBeNull();
  const { model: _model, messages: _messages, ...rest } = body;
  return rest;
}

describe("the credential", () => {
  test("goes as a bearer token", () => {
    expect(send(chat()).headers.authorization).toBe("Bearer id.secret");
  });

  test("signs a token of its own with `auth: jwt`, valid for some minutes, in milliseconds", () => {
    const { headers } = send(chat(), { options: { auth: "jwt" } });
    const [header = "", payload = "", signature] = (headers.authorization ?? "").replace("Bearer ", "").split(".");
    expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual({ alg: "HS256", sign_type: "SIGN" });
    const now = CREATED * 1000;
    const claims = { api_key: "id", timestamp: now, exp: now + 15 * 60_000 };
    expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toEqual(claims);
    expect(signature).toBe(createHmac("sha256", "secret").update(`${header}.${payload}`).digest("base64url"));
  });

  test("without a secret to sign with goes as it is", () => {
    const setting = { options: { auth: "jwt" }, credential: "nodot" };
    expect(send(chat(), setting).headers.authorization).toBe("Bearer nodot");
  });

  test("is not sent when there is none", () => {
    expect(send(chat(), { credential: "" }).headers).not.toHaveProperty("authorization");
  });
});

describe("the path", () => {
  test.each([
    ["", "/api/paas/v4/chat/completions"],
    ["/api/coding/paas/v4", "/api/coding/paas/v4/chat/completions"],
  ])("of the base URL %j is kept", (path, expected) => {
    expect(send(chat(), { path }).path).toBe(expected);
  });
});

describe("a field", () => {
  test.each<[string, JsonObject, JsonObject]>([
    ["max_completion_tokens wins", { max_tokens: 1, max_completion_tokens: 2 }, { max_tokens: 2 }],
    ["temperature 0 is a switch", { temperature: 0 }, { do_sample: false }],
    ["temperature inside the scale", { temperature: 0.3 }, { temperature: 0.3 }],
    ["temperature beyond the scale", { temperature: 1.7 }, { temperature: 0.99 }],
    ["temperature at the scale's end", { temperature: 1 }, { temperature: 0.99 }],
    ["top_p too small", { top_p: 0.001 }, { top_p: 0.01 }],
    ["top_p", { top_p: 0.5 }, { top_p: 0.5 }],
    ["top_p at the scale's end", { top_p: 1.0 }, { top_p: 0.99 }],
    ["one stop word", { stop: "a" }, { stop: ["a"] }],
    ["an array of one", { stop: ["a"] }, { stop: ["a"] }],
    ["no stop word", { stop: [] }, {}],
    ["user", { user: "customer-1" }, { user_id: "customer-1" }],
    ["a user of six characters", { user: "客户一二三四" }, { user_id: "客户一二三四" }],
    ["a user too short", { user: "客户" }, {}],
    ["a user too long", { user: "u".repeat(129) }, {}],
    ["a user of escapes", { user: "\u0007".repeat(128) }, { user_id: "\u0007".repeat(128) }],
    ["safety_identifier wins", { user: "customer-1", safety_identifier: "customer-2" }, { user_id: "customer-2" }],
    ["what the API does not know", { seed: 1, logprobs: true, logit_bias: { 1: 1 }, metadata: { a: 1 } }, {}],
    ["null", { temperature: null, stop: null, tools: null, response_format: null }, {}],
    ["the vendor's own", { request_id: "r1", tool_stream: true }, { request_id: "r1", tool_stream: true }],
    ["json_object", { response_format: { type: "json_object" } }, { response_format: { type: "json_object" } }],
    ["text", { response_format: { type: "text" }, modalities: ["text"], n: 1 }, {}],
  ])("%s", (_name, members, expected) => {
    expect(fields(members)).toEqual(expected);
  });

  test.each<[string, JsonObject]>([
    ["temperature", { temperature: 2.1 }],
    ["temperature", { temperature: "1" }],
    ["top_p", { top_p: -1 }],
    ["stop", { stop: ["a", "b"] }],
    ["stop", { stop: [1] }],
    ["n", { n: 2 }],
    ["modalities", { modalities: ["text", "audio"] }],
    ["functions", { functions: [{ name: "f" }] }],
    ["tools", { tools: [{ type: "custom", custom: { name: "c" } }] }],
    ["tool_choice", { tools: TOOLS, tool_choice: "always" }],
    ["tool_choice", { tools: TOOLS, tool_choice: { type: "function", function: { name: "h" } } }],
    ["messages", { messages: [{ role: "assistant", content: "Hi" }] }],
    ["response_format", { response_format: "json" }],
    ["response_format.json_schema.schema", { response_format: { type: "json_schema" } }],
    ["messages[0].content", { messages: [{ role: "user", content: [{ type: "input_audio" }] }] }],
    ["messages[0].role", { messages: [{ content: "Hi" }] }],
    ["messages[1].role", { messages: [USER, { role: "function", name: "f", content: "1" }] }],
  ])("%s that would change the meaning is refused by name", (param, members) => {
    expect(send(chat(members)).problem).toMatchObject({ status: 400, param, retryable: false });
  });

  test.each<[string, JsonObject]>([
    ["seed", { seed: 1 }],
    ["parallel_tool_calls", { parallel_tool_calls: false }],
    ["tool_choice", { tools: TOOLS, tool_choice: "required" }],
  ])("%s that is left out else is refused with `unsupported: reject`", (param, members) => {
    expect(send(chat(members)).problem).toBeNull();
    expect(send(chat(members), { strict: true }).problem).toMatchObject({ param, code: "unsupported_parameter" });
  });

  test("that asks for nothing is left out even so", () => {
    const neutral = { frequency_penalty: 0, logprobs: false, parallel_tool_calls: true, service_tier: "auto" };
    expect(fields(neutral, { strict: true })).toEqual({});
  });
});

describe("reasoning effort", () => {
  test.each<[string, string, JsonObject]>([
    ["glm-4-plus", "high", {}],
    ["glm-4.5-air", "none", { thinking: { type: "disabled" } }],
    ["glm-4.7", "high", { thinking: { type: "enabled" } }],
    ["GLM-5.2", "high", { thinking: { type: "enabled" }, reasoning_effort: "high" }],
    ["glm-5.2", "minimal", { thinking: { type: "disabled" } }],
    ["glm-5.3", "minimal", { reasoning_effort: "low" }],
    ["glm-5.3", "medium", { reasoning_effort: "high" }],
    ["glm-5.3", "xhigh", { reasoning_effort: "max" }],
  ])("of %s: %s", (model, effort, expected) => {
    expect(fields({ reasoning_effort: effort }, { model })).toEqual(expected);
  });

  test("yields to the vendor's own word", () => {
    const thinking = { type: "enabled", clear_thinking: false };
    expect(fields({ reasoning_effort: "none", thinking })).toEqual({ thinking });
  });
});

describe("a tool choice", () => {
  const names = (choice: unknown) => {
    const { body } = send(chat({ tools: TOOLS, tool_choice: choice }));
    const tools = body.tools as { function: { name: string } }[] | undefined;
    return [tools?.map((tool) => tool.function.name), body.tool_choice, (body.messages as unknown[]).length];
  };

  test("of none sends no tools", () => {
    expect(names("none")).toEqual([undefined, undefined, 1]);
  });

  test("of one tool sends it alone, and asks for it", () => {
    expect(names({ type: "function", function: { name: "g" } })).toEqual([["g"], "auto", 2]);
  });

  test("of some sends these", () => {
    const allowed = { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] };
    expect(names({ type: "allowed_tools", allowed_tools: allowed })).toEqual([["f"], "auto", 1]);
  });

  test("without tools tells nothing", () => {
    expect(fields({ tool_choice: "auto" })).toEqual({});
  });
});

describe("messages", () => {
  const sent = (...messages: JsonObject[]) => send({ model: "m", messages }).body.messages;

  test("keep a refusal as what was said", () => {
    expect(sent(USER, { role: "assistant", content: null, refusal: "No." })).toEqual([
      USER,
      { role: "assistant", content: "No." },
    ]);
  });

  test("lose the turns in which nothing is said, but for the user's and a tool's", () => {
    const calls = [{ id: "c", type: "function", function: { name: "f", arguments: "{}" } }];
    expect(
      sent(
        { role: "system", content: " " },
        { role: "user", content: [{ type: "text", text: "" }] },
        { role: "assistant", content: "", tool_calls: [] },
        { role: "assistant", content: [{ type: "text", text: "\n" }], tool_calls: calls },
        { role: "tool", tool_call_id: "c", content: "" },
        {
          role: "user",
          content: [
            { type: "text", text: "" },
            { type: "image_url", image_url: { url: "https://x/y" } },
          ],
        },
      ),
    ).toEqual([
      { role: "user", content: "(empty)" },
      { role: "assistant", tool_calls: calls },
      { role: "tool", content: "(empty)", tool_call_id: "c" },
      { role: "user", content: [{ type: "image_url", image_url: { url: "https://x/y" } }] },
    ]);
  });

  test("of the system alone end with what the user says", () => {
    const system = (content: string) => ({ role: "system", content });
    expect(sent(system("A"), { role: "developer", content: "B" })).toEqual([
      system("A"),
      { role: "user", content: "B" },
    ]);
    expect(sent(system("A"), { role: "assistant", content: "B" })).toEqual([
      { role: "user", content: "A" },
      { role: "assistant", content: "B" },
    ]);
  });

  test("carry instructions behind the first that are the system's", () => {
    const { body } = send({
      messages: [{ role: "system", content: "S" }, USER],
      tools: TOOLS,
      tool_choice: "required",
    });
    expect((body.messages as JsonObject[]).map(({ role }) => role)).toEqual(["system", "system", "user"]);
  });
});

describe("other endpoints", () => {
  test("embeddings are asked for in numbers, the only form that the API has", () => {
    const request = { model: "m", input: ["a"], dimensions: 256, encoding_format: "base64", user: "customer-1" };
    const { path, body } = send(request, { endpoint: EMBEDDINGS, model: "embedding-3" });
    expect(path).toBe("/api/paas/v4/embeddings");
    expect(body).toEqual({ model: "embedding-3", input: ["a"], dimensions: 256 });
  });

  test("embeddings of tokens are refused", () => {
    expect(send({ input: [[1, 2]] }, { endpoint: EMBEDDINGS }).problem).toMatchObject({ status: 400, param: "input" });
  });

  test.each<[string, JsonObject]>([
    ["n", { n: 2 }],
    ["response_format", { response_format: "b64_json" }],
    ["stream", { stream: true }],
  ])("images refuse %s", (param, members) => {
    expect(send({ prompt: "A cat", ...members }, { endpoint: IMAGES }).problem).toMatchObject({ status: 400, param });
  });

  test("images leave out what the API does not know", () => {
    const request = { prompt: "A cat", size: "1024x1024", quality: "hd", background: "opaque", user: "customer-1" };
    expect(send(request, { endpoint: IMAGES, model: "glm-image" }).body).toEqual({
      model: "glm-image",
      prompt: "A cat",
      size: "1024x1024",
      quality: "hd",
      user_id: "customer-1",
    });
  });
});
