import { describe, expect, it } from "vitest";
import { EMBEDDINGS, IMAGES } from "../../exchange.ts";
import { chat, type JsonObject, type Setting, send } from "./harness.ts";

const body = (members: JsonObject, model?: string) => send(chat(members), model === undefined ? {} : { model }).body;
const refused = (members: JsonObject, setting?: Setting) => send(chat(members), setting).problem;

describe("the call", () => {
  it("has the provider's path, headers and model", () => {
    const sent = send(chat(), { credential: "sk-ant-1", model: "claude-opus-4-5" });
    expect(sent.path).toBe("/v1/messages");
    expect(sent.headers).toEqual({
      "content-type": "application/json",
      accept: "application/json",
      "anthropic-version": "2023-06-01",
      "x-api-key": "sk-ant-1",
    });
    expect(sent.text).toBe(
      '{"model":"claude-opus-4-5","max_tokens":32000,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}',
    );
  });

  it("keeps the base URL's path and query, sends no empty credential, and the version that is configured", () => {
    const sent = send(chat({ stream: true }), {
      path: "/anthropic",
      query: "a=b",
      credential: "",
      options: { anthropic_version: "2026-10-21" },
    });
    expect(sent.path).toBe("/anthropic/v1/messages?a=b");
    expect(send(chat(), { path: "/claude/v1" }).path).toBe("/claude/v1/messages");
    expect(sent.headers).toEqual({
      "content-type": "application/json",
      accept: "text/event-stream",
      "anthropic-version": "2026-10-21",
    });
    expect(sent.body.stream).toBe(true);
  });

  it.each([EMBEDDINGS, IMAGES])("of another endpoint (%i) cannot be made", (endpoint) => {
    const { problem } = send(chat(), { endpoint });
    expect(problem).toMatchObject({ status: 400, code: "unsupported_endpoint", retryable: false });
  });
});

describe("max_tokens", () => {
  it.each<[string, JsonObject, number]>([
    ["claude-sonnet-4-6", {}, 32000],
    ["claude-3-haiku-20240307", {}, 4096],
    ["claude-3-5-sonnet-20241022", {}, 8192],
    ["kimi-k2", {}, 8192],
    ["claude-sonnet-4-6", { max_tokens: 1 }, 1],
    ["claude-sonnet-4-6", { max_tokens: 7, max_completion_tokens: 9 }, 9],
    ["claude-sonnet-4-6", { max_tokens: 7, max_completion_tokens: null }, 7],
    ["claude-opus-4-1", { max_tokens: 2_000_000_000 }, 32000],
    ["kimi-k2", { max_tokens: 2_000_000_000 }, 2_000_000_000],
  ])("of %s for %j is %i", (model, members, expected) => {
    expect(body(members, model).max_tokens).toBe(expected);
  });

  it.each([0, -1, 1.5, "7", true, [], 1e300])("of %j is refused", (value) => {
    expect(refused({ max_tokens: value })).toMatchObject({ status: 400, param: "max_tokens" });
    expect(refused({ max_completion_tokens: value })?.param).toBe("max_completion_tokens");
  });
});

describe("sampling", () => {
  it("is passed on in the client's spelling, temperature at most 1", () => {
    expect(send('{"messages":[{"role":"user","content":"Hi"}],"temperature":7e-1}').text).toContain(
      '"temperature":7e-1',
    );
    expect(body({ temperature: 1.5 }).temperature).toBe(1);
    expect(body({ temperature: 2 }).temperature).toBe(1);
    expect(body({ top_p: 0.2, top_k: 5 })).toMatchObject({ top_p: 0.2, top_k: 5 });
  });

  it("has either temperature or top_p where a model takes but one", () => {
    const both = { temperature: 0.1, top_p: 0.2 };
    expect(body(both, "claude-3-7-sonnet-20250219")).toMatchObject(both);
    for (const model of [
      "claude-sonnet-4-5",
      "claude-sonnet-4-6",
      "claude-opus-4-1",
      "claude-opus-4-5",
      "claude-haiku-4-5-20251001",
    ]) {
      const sent = body(both, model);
      expect(sent.temperature).toBe(0.1);
      expect(sent).not.toHaveProperty("top_p");
    }
    expect(refused(both, { model: "claude-haiku-4-5", strict: true })).toMatchObject({
      param: "top_p",
      code: "unsupported_parameter",
    });
  });

  it.each([
    ["claude-opus-4-7", "2023-06-01"],
    ["claude-opus-5", "2023-06-01"],
    ["claude-something-new", "2023-06-01"],
    ["claude-sonnet-4-5", "2026-10-21"],
  ])("is left out for %s with version %s, or refused when asked to be strict", (model, version) => {
    const setting = { model, options: { anthropic_version: version } };
    const sent = send(chat({ temperature: 0, top_p: 0.5, top_k: 3 }), setting).body;
    expect(Object.keys(sent)).toEqual(["model", "max_tokens", "messages"]);
    expect(refused({ temperature: 0 }, { ...setting, strict: true })?.param).toBe("temperature");
    expect(refused({ top_p: 0.5 }, { ...setting, strict: true })?.param).toBe("top_p");
    expect(refused({ top_k: 5 }, { ...setting, strict: true })?.param).toBe("top_k");
    expect(refused({ temperature: 1, top_p: 1.0 }, { ...setting, strict: true })).toBeNull();
  });

  it.each<[string, unknown]>([
    ["temperature", -0.1],
    ["temperature", 2.01],
    ["temperature", "1"],
    ["top_p", 1.1],
    ["top_p", true],
    ["top_k", -1],
    ["top_k", 0.5],
  ])("of %s %j is refused", (param, value) => {
    expect(refused({ [param]: value })).toMatchObject({ status: 400, param });
  });
});

describe("stop", () => {
  it.each<[unknown, unknown]>([
    ["END", ["END"]],
    [
      ["a", " ", "\n\n", "b "],
      ["a", "b "],
    ],
    [" ", undefined],
    [[], undefined],
    [null, undefined],
  ])("%j becomes %j", (stop, expected) => {
    expect(body({ stop, seed: 1 }).stop_sequences).toEqual(expected);
  });

  it.each([7, {}, [7], ["a", null]])("of %j is refused", (stop) => {
    expect(refused({ stop })).toMatchObject({ status: 400, param: "stop" });
  });

  it("of white space is refused when asked to be strict", () => {
    expect(refused({ stop: ["a", " "] }, { strict: true })?.param).toBe("stop");
  });
});

describe("user", () => {
  it.each<[unknown, unknown]>([
    ["user-7f", { user_id: "user-7f" }],
    ["ada@example.com", undefined],
    ["+44 20 7946-0958", undefined],
    ["(020) 7946.0958", undefined],
    ["123456", { user_id: "123456" }],
    ["1234567", undefined],
    ["", undefined],
    ["u".repeat(257), undefined],
    [7, undefined],
  ])("%j becomes %j", (user, expected) => {
    expect(body({ user }).metadata).toEqual(expected);
  });

  it("may be told by safety_identifier", () => {
    expect(body({ safety_identifier: "s" }).metadata).toEqual({ user_id: "s" });
  });
});

describe("fields without an equivalent", () => {
  const dropped = {
    frequency_penalty: 0.5,
    presence_penalty: -0.5,
    logit_bias: { 50256: -100 },
    logprobs: true,
    top_logprobs: 5,
    seed: 0,
    store: true,
    metadata: { a: "b" },
    service_tier: "flex",
    verbosity: "low",
    prediction: { type: "content", content: "x" },
    prompt_cache_key: "k",
    my_own: 1,
  };

  it.each(Object.entries(dropped))("%s is dropped, or refused when asked to be strict", (name, value) => {
    expect(Object.keys(body({ [name]: value }))).toEqual(["model", "max_tokens", "messages"]);
    expect(refused({ [name]: value }, { strict: true })).toMatchObject({
      status: 400,
      param: name,
      code: "unsupported_parameter",
    });
  });

  it("that ask for nothing are never refused", () => {
    const neutral = {
      n: 1,
      frequency_penalty: 0,
      presence_penalty: 0.0,
      logit_bias: {},
      logprobs: false,
      top_logprobs: 0,
      seed: null,
      store: false,
      metadata: {},
      service_tier: "auto",
      verbosity: "medium",
      modalities: ["text"],
      stream_options: { include_usage: true },
      response_format: { type: "text" },
      parallel_tool_calls: true,
    };
    expect(refused(neutral, { strict: true })).toBeNull();
  });

  it.each<[string, unknown]>([
    ["n", 2],
    ["n", 0],
    ["n", "1"],
    ["modalities", ["text", "audio"]],
    ["modalities", "text"],
    ["web_search_options", {}],
  ])("%s of %j is refused, as the answer would be another", (param, value) => {
    expect(refused({ [param]: value })).toMatchObject({ status: 400, param });
  });
});

describe("reasoning_effort", () => {
  const adaptive = { type: "adaptive", display: "summarized" };
  it.each<[string, string, unknown, unknown]>([
    ["claude-sonnet-4-6", "minimal", adaptive, { effort: "low" }],
    ["claude-sonnet-4-6", "high", adaptive, { effort: "high" }],
    ["claude-sonnet-4-6", "xhigh", adaptive, { effort: "high" }],
    ["claude-sonnet-4-6", "max", adaptive, { effort: "max" }],
    ["claude-sonnet-4-6", "none", undefined, undefined],
    ["claude-opus-4-7", "xhigh", adaptive, { effort: "xhigh" }],
    ["claude-opus-5", "none", { type: "disabled" }, undefined],
    ["claude-sonnet-5-5", "none", { type: "between_tools" }, undefined],
    ["claude-opus-5-5", "none", undefined, { effort: "low" }],
    ["claude-sonnet-4-5", "low", { type: "enabled", budget_tokens: 1024 }, undefined],
    ["claude-sonnet-4-5", "medium", { type: "enabled", budget_tokens: 2048 }, undefined],
    ["claude-sonnet-4-5", "high", { type: "enabled", budget_tokens: 4096 }, undefined],
    ["claude-sonnet-4-5", "max", { type: "enabled", budget_tokens: 16384 }, undefined],
    ["claude-3-5-haiku-20241022", "high", undefined, undefined],
  ])("of %s: %s becomes %j and %j", (model, effort, thinking, config) => {
    const sent = body({ reasoning_effort: effort }, model);
    expect(sent.thinking).toEqual(thinking);
    expect(sent.output_config).toEqual(config);
  });

  it("keeps the budget below max_tokens, and drops it when there is no room", () => {
    const model = "claude-sonnet-4-5";
    expect(body({ reasoning_effort: "high", max_tokens: 2000 }, model).thinking).toEqual({
      type: "enabled",
      budget_tokens: 1999,
    });
    expect(body({ reasoning_effort: "high", max_tokens: 1025 }, model).thinking).toEqual({
      type: "enabled",
      budget_tokens: 1024,
    });
    expect(body({ reasoning_effort: "high", max_tokens: 1024 }, model).thinking).toBeUndefined();
    expect(refused({ reasoning_effort: "high", max_tokens: 1024 }, { model, strict: true })?.param).toBe(
      "reasoning_effort",
    );
  });

  it("rules out sampling", () => {
    expect(body({ reasoning_effort: "low", temperature: 0.2, top_k: 1 })).not.toHaveProperty("temperature");
    expect(body({ reasoning_effort: "low", temperature: 0.2 }, "claude-sonnet-4-5")).not.toHaveProperty("temperature");
    expect(body({ reasoning_effort: "none", temperature: 0.2 })).toHaveProperty("temperature", 0.2);
  });

  it("with a budget is dropped while tools run: their turns would need the thinking blocks", () => {
    const messages = [
      { role: "user", content: "Hi" },
      { role: "assistant", tool_calls: [{ id: "a", function: { name: "f", arguments: "" } }] },
      { role: "tool", tool_call_id: "a", content: "x" },
    ];
    expect(body({ messages, reasoning_effort: "low" }, "claude-sonnet-4-5").thinking).toBeUndefined();
    expect(body({ messages, reasoning_effort: "low" }, "claude-sonnet-4-6").thinking).toEqual(adaptive);
    const prefilled = [
      { role: "user", content: "Hi" },
      { role: "assistant", content: "I" },
    ];
    expect(body({ messages: prefilled, reasoning_effort: "low" }, "claude-sonnet-4-5").thinking).toBeUndefined();
  });

  it("gives way to a tool that must be called", () => {
    const tools = [{ type: "function", function: { name: "f" } }];
    const sent = body({ tools, tool_choice: "required", reasoning_effort: "high" });
    expect(sent).toMatchObject({ tool_choice: { type: "any" }, output_config: { effort: "high" } });
    expect(sent).not.toHaveProperty("thinking");
    expect(body({ tools, tool_choice: "required", reasoning_effort: "high" }, "claude-sonnet-4-5")).not.toHaveProperty(
      "thinking",
    );
  });

  it.each(["lots", "", 7, {}])("of %j is refused", (effort) => {
    expect(refused({ reasoning_effort: effort })).toMatchObject({ status: 400, param: "reasoning_effort" });
  });

  it("that nothing can turn off is refused when asked to be strict", () => {
    expect(refused({ reasoning_effort: "none" }, { model: "claude-fable-5-1", strict: true })?.param).toBe(
      "reasoning_effort",
    );
  });
});
