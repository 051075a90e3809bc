import "../../target.ts";
import { describe, expect, test } from "vitest";
import { COMPLETIONS, EMBEDDINGS, IMAGES } from "../../exchange.ts";
import { chat, type JsonObject, type Setting, send } from "./harness.ts";

const parametersOf = (members: JsonObject, setting: Setting = {}) => send(chat(members), setting).body.parameters;
const messagesOf = (messages: unknown[], setting: Setting = {}) =>
  (send({ model: "m", messages }, setting).body.input as JsonObject | undefined)?.messages;

describe("where a call goes", () => {
  test("to the text service, with the credential", () => {
    const { path, headers, body } = send(chat());
    expect(path).toBe("/api/v1/services/aigc/text-generation/generation");
    expect(headers).toEqual({
      "content-type": "application/json",
      accept: "application/json",
      authorization: "Bearer sk-test",
    });
    expect(body).toEqual({
      model: "qwen-plus",
      input: { messages: [{ role: "user", content: "Hi" }] },
      parameters: { result_format: "message" },
    });
  });

  test("a stream says so in a header", () => {
    const { headers, body } = send(chat({ stream: true }));
    expect(headers).toMatchObject({ "x-dashscope-sse": "enable", accept: "text/event-stream" });
    expect(body.parameters).toEqual({ result_format: "message", incremental_output: true });
  });

  test("from either of the vendor's base URLs, or the host alone", () => {
    const native = "/api/v1/services/aigc/text-generation/generation";
    expect(send(chat(), { path: "" }).path).toBe(native);
    expect(send(chat(), { path: "/qwen", query: "a=b" }).path).toBe(`/qwen${native}?a=b`);
    expect(send(chat(), { path: "/compatible-mode/v1", options: { mode: "native" } }).path).toBe(native);
    const compatible = "/compatible-mode/v1/chat/completions";
    expect(send(chat(), { path: "/compatible-mode/v1" }).path).toBe(compatible);
    expect(send(chat(), { path: "", options: { mode: "compatible" } }).path).toBe(compatible);
    expect(send(chat(), { path: "/api/v1", options: { mode: "compatible" }, query: "a=b" }).path).toBe(
      `${compatible}?a=b`,
    );
  });

  test("to the multimodal service for what a message holds, or for the model's sake", () => {
    const image = [{ type: "image_url", image_url: { url: "https://x/y.png" } }];
    const multimodal = "/api/v1/services/aigc/multimodal-generation/generation";
    expect(send({ model: "m", messages: [{ role: "user", content: image }] }).path).toBe(multimodal);
    for (const model of ["qwen-vl-plus", "qwen3-vl-max", "qvq-max", "qwen3-omni-flash", "qwen3.5-plus"]) {
      expect(send(chat(), { model }).path).toBe(multimodal);
    }
    const text = [{ type: "text", text: "Hi" }];
    expect(send({ model: "m", messages: [{ role: "user", content: text }] }).path).toContain("/text-generation/");
  });

  test("the compatible mode serves all but images, which the API itself does", () => {
    const setting = { options: { mode: "compatible" } };
    expect(send({ input: "a" }, { ...setting, endpoint: EMBEDDINGS }).path).toBe("/compatible-mode/v1/embeddings");
    const coder = { ...setting, model: "qwen-coder-turbo", endpoint: COMPLETIONS };
    expect(send({ prompt: "a" }, coder).path).toBe("/compatible-mode/v1/completions");
    expect(send({ prompt: "a" }, { ...coder, model: "qwen3-coder-plus" }).path).toMatch(/chat\/completions$/);
    expect(send({ prompt: "a" }, { ...setting, endpoint: IMAGES }).path).toMatch(/^\/api\/v1\/services/);
    expect(send(chat({ stream: true }), setting)).toMatchObject({
      headers: { authorization: "Bearer sk-test" },
      body: { model: "qwen-plus", stream: true, stream_options: { include_usage: true } },
    });
  });
});

describe("parameters", () => {
  test("keep their names, but for the maximum of tokens", () => {
    const same = { n: 2, seed: 7, presence_penalty: 0.5, logprobs: true, top_logprobs: 2, parallel_tool_calls: true };
    expect(parametersOf({ ...same, stop: ["END"], max_completion_tokens: 9, max_tokens: 3, user: "ada" })).toEqual({
      result_format: "message",
      max_tokens: 9,
      ...same,
      stop: ["END"],
    });
    expect(parametersOf({ stop: [] })).toEqual({ result_format: "message" });
  });

  test("sampling stays inside the vendor's open ranges", () => {
    expect(parametersOf({ temperature: 2, top_p: 1 })).toMatchObject({ temperature: 1.9999, top_p: 0.9999 });
    expect(parametersOf({ temperature: 0, top_p: 0 })).toMatchObject({ temperature: 0, top_p: 0.0001 });
    expect(parametersOf({ temperature: 0.7, top_p: 0.8 })).toMatchObject({ temperature: 0.7, top_p: 0.8 });
  });

  test("reasoning effort turns thinking on or off; DashScope's own words go before it", () => {
    expect(parametersOf({ reasoning_effort: "none" })).toMatchObject({ enable_thinking: false });
    expect(parametersOf({ reasoning_effort: "low" })).toMatchObject({ enable_thinking: true, thinking_budget: 1024 });
    expect(parametersOf({ reasoning_effort: "medium", thinking_budget: 5 })).toMatchObject({ thinking_budget: 5 });
    expect(parametersOf({ reasoning_effort: "high" })).toEqual({
      result_format: "message",
      incremental_output: true,
      enable_thinking: true,
    });
    expect(parametersOf({ reasoning_effort: "high", enable_thinking: false })).toMatchObject({
      enable_thinking: false,
    });
  });

  test("a cumulative stream is asked for, unless the model thinks or logprobs are wanted", () => {
    const setting = { options: { incremental: false } };
    expect(parametersOf({ stream: true }, setting)).toMatchObject({ incremental_output: false });
    for (const members of [{ enable_thinking: true }, { reasoning_effort: "low" }, { logprobs: true }]) {
      expect(parametersOf({ stream: true, ...members }, setting)).toMatchObject({ incremental_output: true });
    }
    expect(parametersOf({ stream: true, enable_thinking: false }, setting)).toMatchObject({
      incremental_output: false,
    });
  });

  const streams = (members: JsonObject, setting: Setting = {}) =>
    send(chat(members), setting).headers["x-dashscope-sse"] === "enable";

  test.each<[string, JsonObject, boolean]>([
    ["qwen-plus", {}, false],
    ["qwen-plus", { enable_thinking: true }, true],
    ["qwen-plus", { reasoning_effort: "low" }, true],
    ["qwen-plus", { reasoning_effort: "none" }, false],
    ["qwen3-8b", {}, true],
    ["qwen3-8b", { enable_thinking: false }, false],
    ["qwen3-8b", { reasoning_effort: "none" }, false],
    ["qwen3-max", {}, false],
    ["qwen3-", {}, false],
    ["qwq-plus", {}, true],
    ["qwen3-235b-a22b-thinking-2507", { enable_thinking: false }, true],
    ["qwen3-omni-flash", {}, true],
  ])("a whole answer of %s to %j is asked for as a stream: %j", (model, members, expected) => {
    expect(streams(members, { model })).toBe(expected);
    const compatible = send(chat(members), { model, options: { mode: "compatible" } }).body;
    expect(compatible.stream ?? false).toBe(expected);
    expect(compatible.stream_options).toEqual(expected ? { include_usage: true } : undefined);
  });

  test("formats go along", () => {
    const format = { type: "json_schema", json_schema: { name: "n", schema: { type: "object" } } };
    expect(parametersOf({ response_format: format })).toMatchObject({ response_format: format });
    expect(parametersOf({ response_format: { type: "text" } })).toEqual({ result_format: "message" });
  });

  test("what cannot be expressed is dropped without harm, or refused", () => {
    expect(parametersOf({ frequency_penalty: 0.5, logit_bias: { 1: 2 } })).toEqual({ result_format: "message" });
    expect(send(chat({ frequency_penalty: 0.5 }), { strict: true }).problem).toMatchObject({
      param: "frequency_penalty",
      code: "unsupported_parameter",
    });
    expect(send(chat({ frequency_penalty: 0, user: "" }), { strict: true }).problem).toBeNull();
  });

  test.each([
    [{ temperature: 3 }, "temperature"],
    [{ temperature: "1" }, "temperature"],
    [{ top_p: 1.1 }, "top_p"],
    [{ max_tokens: 0 }, "max_tokens"],
    [{ max_completion_tokens: 1.5 }, "max_completion_tokens"],
    [{ n: 0 }, "n"],
    [{ stop: 1 }, "stop"],
    [{ reasoning_effort: "huge" }, "reasoning_effort"],
    [{ response_format: { type: "xml" } }, "response_format.type"],
    [{ response_format: { type: "json_schema" } }, "response_format.json_schema.schema"],
    [{ modalities: ["text", "audio"] }, "modalities"],
    [{ functions: [{ name: "f" }] }, "functions"],
    [{ web_search_options: {} }, "web_search_options"],
    [{ tool_choice: "required" }, "tool_choice"],
    [{ tools: [{ type: "custom" }] }, "tools[0].type"],
    [{ tools: [{ type: "function" }] }, "tools[0].function"],
    [{ messages: [] }, "messages"],
    [{ messages: [{ content: "a" }] }, "messages[0].role"],
    [{ messages: [{ role: "robot", content: "a" }] }, "messages[0].role"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [{ type: "file" }] }] }, "messages[0].content[0]"],
    [{ messages: [{ role: "tool", content: "a" }] }, "messages[0].tool_call_id"],
    [{ messages: [{ role: "function", name: "f", content: "a" }] }, "messages[0].role"],
  ])("%j is refused", (members, param) => {
    expect(send(chat(members)).problem).toMatchObject({ status: 400, param });
  });
});

describe("tools", () => {
  const tool = (name: string) => ({ type: "function", function: { name, parameters: { type: "object" } } });
  const named = { type: "function", function: { name: "f" } };

  test("have OpenAI's shape; to require the only one is to name it", () => {
    expect(parametersOf({ tools: [tool("f")], tool_choice: "auto" })).toMatchObject({
      tools: [tool("f")],
      tool_choice: "auto",
    });
    expect(parametersOf({ tools: [tool("f")], tool_choice: "required" })).toMatchObject({ tool_choice: named });
    expect(parametersOf({ tools: [tool("f"), tool("g")], tool_choice: named })).toMatchObject({ tool_choice: named });
    const two = { tools: [tool("f"), tool("g")], tool_choice: "required" };
    expect(send(chat(two)).problem).toMatchObject({ param: "tool_choice", code: "unsupported_value" });
  });

  test("a round of them goes along", () => {
    const calls = [{ id: "c1", type: "function", function: { name: "f", arguments: "{}" } }];
    const round = [
      { role: "developer", content: "D" },
      { role: "assistant", content: null, tool_calls: calls, reasoning_content: "T" },
      { role: "tool", tool_call_id: "c1", content: [{ type: "text", text: "R" }] },
    ];
    expect(messagesOf(round)).toEqual([
      { role: "system", content: "D" },
      { role: "assistant", content: "", tool_calls: calls },
      { role: "tool", tool_call_id: "c1", content: "R" },
    ]);
    expect(messagesOf(round, { model: "qwen-vl-max" })).toEqual([
      { role: "system", content: [{ text: "D" }] },
      { role: "assistant", content: [{ text: "" }], tool_calls: calls },
      { role: "tool", tool_call_id: "c1", content: [{ text: "R" }] },
    ]);
  });

  test("earlier thoughts are kept when asked", () => {
    const messages = [{ role: "assistant", content: "A", reasoning_content: "T" }];
    const { body } = send({ model: "m", messages, preserve_thinking: true });
    expect(body).toMatchObject({
      input: { messages: [{ role: "assistant", content: "A", reasoning_content: "T" }] },
      parameters: { preserve_thinking: true },
    });
  });
});

describe("content", () => {
  test("parts become DashScope's, which have no types", () => {
    const content = [
      { type: "text", text: 'a "b"' },
      { type: "image_url", image_url: { url: "data:image/png;base64,AA==", detail: "low" } },
      { type: "image_url", image_url: "https://x/y.png" },
      { type: "input_audio", input_audio: { data: "UklGRg==", format: "mp3" } },
      { type: "input_audio", input_audio: { data: "https://x/y.mp3" } },
      { type: "video_url", video_url: { url: "https://x/y.mp4" } },
      { type: "video", video: ["https://x/1.png"] },
    ];
    expect(messagesOf([{ role: "user", content }])).toEqual([
      {
        role: "user",
        content: [
          { text: 'a "b"' },
          { image: "data:image/png;base64,AA==" },
          { image: "https://x/y.png" },
          { audio: "data:audio/mp3;base64,UklGRg==" },
          { audio: "https://x/y.mp3" },
          { video: "https://x/y.mp4" },
          { video: ["https://x/1.png"] },
        ],
      },
    ]);
  });

  test("texts are joined for the text service", () => {
    const content = [
      { type: "text", text: "a" },
      { type: "text", text: "é\n" },
    ];
    expect(messagesOf([{ role: "user", content }])).toEqual([{ role: "user", content: "a\né\n" }]);
  });
});
