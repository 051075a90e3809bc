import { describe, expect, it } from "vitest";
import { FAILED, REPLACED } from "../../exchange.ts";
import { decodeUtf8 } from "../../text.ts";
import { USAGE_ESTIMATE, USAGE_PROVIDER } from "../../usage.ts";
import { chat, type JsonObject, receive } from "./harness.ts";

const text = (value: string) => ({ type: "text", text: value });
const use = (id: string, input: unknown, name = "get_time") => ({
  type: "tool_use",
  id,
  name,
  input,
  caller: { type: "direct" },
});

function message(content: unknown[], members: JsonObject = {}): JsonObject {
  return {
    id: "msg_01",
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-6-20260101",
    content,
    stop_reason: "end_turn",
    stop_sequence: null,
    stop_details: null,
    usage: { input_tokens: 21, output_tokens: 44 },
    ...members,
  };
}

interface Completion {
  choices: { message: JsonObject; finish_reason: string }[];
  usage: JsonObject;
}

function completion(answer: JsonObject, request?: JsonObject): Completion {
  const received = receive(answer, request);
  expect(received.problem).toBeNull();
  expect(received.result).toBe(REPLACED);
  return JSON.parse(received.text) as Completion;
}

const answer = (content: unknown[], members?: JsonObject, request?: JsonObject) =>
  completion(message(content, members), request).choices[0]!;

describe("a message", () => {
  it("is a chat completion", () => {
    const counts = {
      input_tokens: 21,
      cache_creation_input_tokens: 100,
      cache_read_input_tokens: 1200,
      cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 0 },
      output_tokens: 44,
      output_tokens_details: { thinking_tokens: 30 },
      service_tier: "standard",
      server_tool_use: null,
    };
    const received = receive(message([text("Hello"), text(" there")], { usage: counts }));
    expect(JSON.parse(received.text)).toEqual({
      id: "msg_01",
      object: "chat.completion",
      created: 1790000001,
      model: "claude-sonnet-4-6-20260101",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Hello there", refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: {
        prompt_tokens: 1321,
        completion_tokens: 44,
        total_tokens: 1365,
        prompt_tokens_details: { cached_tokens: 1200, cache_write_tokens: 100 },
        completion_tokens_details: { reasoning_tokens: 30 },
      },
      system_fingerprint: null,
    });
    const { prompt, cached, cacheWrite, completion: produced, reasoning, source, raw } = received.usage;
    expect([prompt, cached, cacheWrite, produced, reasoning, source]).toEqual([
      1321,
      1200,
      100,
      44,
      30,
      USAGE_PROVIDER,
    ]);
    expect(decodeUtf8(raw, 0, raw.length)).toBe(JSON.stringify(counts));
  });

  it("keeps the provider's spelling of text", () => {
    const spelled =
      '{"content":[{"type":"te\\u0078t","text":"\\ud83d"},{"type":"text","text":"\\ude00 \\/ é"}],"stop_reason":"end_turn"}';
    expect(receive(spelled).text).toContain('"content":"\\ud83d\\ude00 \\/ é"');
  });

  it("calls tools with arguments in a string, digits and escapes kept", () => {
    const { message: said, finish_reason } = answer(
      [text("Let me see."), use("toolu_1", { tz: "UTC" }), use("toolu_2", {})],
      {
        stop_reason: "tool_use",
      },
    );
    expect(said).toEqual({
      role: "assistant",
      content: "Let me see.",
      refusal: null,
      tool_calls: [
        { id: "toolu_1", type: "function", function: { name: "get_time", arguments: '{"tz":"UTC"}' } },
        { id: "toolu_2", type: "function", function: { name: "get_time", arguments: "{}" } },
      ],
    });
    expect(finish_reason).toBe("tool_calls");
    const input = '{ "n":12345678901234567890,\n\t"s":"\\"\\u00e9\\\\" }';
    const spelled = `{"content":[{"type":"tool_use","id":"a","name":"f","input":${input}}],"stop_reason":"tool_use"}`;
    const calls = (JSON.parse(receive(spelled).text) as Completion).choices[0]!.message.tool_calls;
    expect(calls).toMatchObject([{ function: { arguments: input } }]);
  });

  it("has content null beside calls alone, and empty when nothing was said", () => {
    expect(answer([use("a", {})], { stop_reason: "tool_use" }).message.content).toBeNull();
    expect(answer([]).message.content).toBe("");
    expect(answer([text("")]).message.content).toBe("");
  });

  it("tells its reasoning, and nothing of what OpenAI has nothing for", () => {
    const { message: said } = answer([
      { type: "thinking", thinking: "Hm, ", signature: "c2ln" },
      { type: "redacted_thinking", data: "eA==" },
      { type: "thinking", thinking: "well.", signature: "c2ln" },
      { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: {} },
      { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [] },
      text("Yes."),
    ]);
    expect(said).toEqual({ role: "assistant", content: "Yes.", refusal: null, reasoning_content: "Hm, well." });
    expect(answer([{ type: "thinking", thinking: "", signature: "x" }, text("Yes.")]).message).not.toHaveProperty(
      "reasoning_content",
    );
  });

  it("answers a client of functions in the old way, with the first call alone", () => {
    const request = chat({ functions: [{ name: "f" }] });
    const { message: said, finish_reason } = answer(
      [use("a", { x: 1 }, "f"), use("b", {}, "f")],
      { stop_reason: "tool_use" },
      request,
    );
    expect(said).toEqual({
      role: "assistant",
      content: null,
      refusal: null,
      function_call: { name: "f", arguments: '{"x":1}' },
    });
    expect(finish_reason).toBe("function_call");
  });

  it.each([
    ["end_turn", "stop"],
    ["stop_sequence", "stop"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "length"],
    ["pause_turn", "length"],
    ["refusal", "content_filter"],
    ["something_new", "stop"],
    [null, "stop"],
    // Tools that ran at the provider are no calls to the client.
    ["tool_use", "stop"],
  ])("that stopped by %s finished by %s", (stopReason, expected) => {
    expect(answer([text("x")], { stop_reason: stopReason }).finish_reason).toBe(expected);
  });

  it("without a stop reason that calls tools finished by tool_calls", () => {
    expect(answer([use("a", {})], { stop_reason: null }).finish_reason).toBe("tool_calls");
  });

  it.each<[unknown, string]>([
    [{ type: "refusal", category: "cyber", explanation: "Not this." }, "Not this."],
    [{ category: "bio" }, "The model declined to answer (bio)."],
    [null, "The model declined to answer."],
  ])("that is a refusal (%j) says so", (details, refusal) => {
    const { message: said } = answer([], { stop_reason: "refusal", stop_details: details });
    expect(said).toEqual({ role: "assistant", content: null, refusal });
    expect(answer([text("I")], { stop_reason: "refusal", stop_details: details }).message.content).toBe("I");
  });

  it("counts what is null as nothing, and stays in 32 bits", () => {
    const nulls = {
      input_tokens: 5,
      cache_creation_input_tokens: null,
      cache_read_input_tokens: null,
      output_tokens: 0,
      output_tokens_details: null,
    };
    expect(completion(message([], { usage: nulls })).usage).toMatchObject({
      prompt_tokens: 5,
      completion_tokens: 0,
      total_tokens: 5,
    });
    const vast = { input_tokens: 2147483647, cache_read_input_tokens: 2147483647, output_tokens: 2147483647 };
    expect(completion(message([], { usage: vast })).usage).toMatchObject({
      prompt_tokens: 2147483647,
      total_tokens: 2147483647,
    });
    const wrong = { input_tokens: -1, cache_read_input_tokens: 1.5, output_tokens: "7" };
    expect(completion(message([], { usage: wrong })).usage).toMatchObject({ prompt_tokens: 0, completion_tokens: 0 });
  });

  it("without usage is estimated", () => {
    const received = receive(message([text("x".repeat(400))], { usage: null }));
    expect(received.usage.source).toBe(USAGE_ESTIMATE);
    expect(received.usage.prompt).toBeGreaterThan(0);
    expect(received.usage.completion).toBeGreaterThanOrEqual(100);
  });

  it("without id, model or ids of calls gets its own", () => {
    const received = receive({ content: [{ type: "tool_use", input: [1] }] });
    expect(JSON.parse(received.text)).toMatchObject({
      id: "chatcmpl-1790000001",
      model: "claude-sonnet-4-6",
      choices: [{ message: { tool_calls: [{ id: "call_0", function: { name: "", arguments: "{}" } }] } }],
    });
  });
});

describe("what is no message", () => {
  it.each([
    "",
    "<html>502</html>",
    "[]",
    '"x"',
    "{}",
    '{"content":"x"}',
    '{"type":"completion","content":[]}',
    '{"choices":[]}',
    '{"content":[}',
    "event: message_start\ndata: {}\n\n",
  ])("fails the attempt: %s", (body) => {
    const received = receive(body);
    expect(received.result).toBe(FAILED);
    expect(received.text).toBe("");
    expect(received.problem).toMatchObject({ status: 502, code: "provider_error", retryable: true });
  });

  it("but an error is taken as one", () => {
    const overloaded = receive({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } });
    expect(overloaded.result).toBe(FAILED);
    expect(overloaded.problem).toMatchObject({ status: 503, type: "overloaded_error", retryable: true });
  });
});
