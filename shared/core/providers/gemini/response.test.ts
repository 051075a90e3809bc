import { describe, expect, it } from "vitest";
import { FAILED, REPLACED } from "../../exchange.ts";
import { USAGE_ESTIMATE, USAGE_PROVIDER } from "../../usage.ts";
import { answer, chat, choiceOf, type JsonObject, receive } from "./harness.ts";

describe("an answer", () => {
  it.each<[string, string]>([
    ["STOP", "stop"],
    ["MAX_TOKENS", "length"],
    ["SAFETY", "content_filter"],
    ["RECITATION", "content_filter"],
    ["PROHIBITED_CONTENT", "content_filter"],
    ["OTHER", "stop"],
    ["SOMETHING_NEW", "stop"],
  ])("that ended with %s ends with %s", (reason, expected) => {
    expect(choiceOf(answer([{ text: "A" }], {}, reason))).toMatchObject({
      finish_reason: expected,
      message: { content: "A", refusal: null },
    });
  });

  it.each(["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE"])(
    "that ended with %s is none",
    (reason) => {
      const received = receive(answer([{ text: "A" }], {}, reason));
      expect(received).toMatchObject({ result: FAILED, text: "" });
      expect(received.problem).toMatchObject({ status: 502, retryable: true });
    },
  );

  it.each<[JsonObject]>([[{ content: {} }], [{ content: { role: "model" } }], [{}], [{ content: { parts: [{}] } }]])(
    "may be empty: %j",
    (candidate) => {
      expect(choiceOf({ candidates: [{ ...candidate, finishReason: "STOP" }] })).toMatchObject({
        index: 0,
        message: { role: "assistant", content: "", refusal: null },
        finish_reason: "stop",
      });
    },
  );

  it("that was withheld says so", () => {
    expect(choiceOf(answer([], {}, "SAFETY"))).toMatchObject({
      message: { content: null, refusal: "The provider withheld the answer (SAFETY)." },
      finish_reason: "content_filter",
    });
  });

  it("may call a function in a thought, and several", () => {
    const parts = [
      { text: "T", thought: true },
      { functionCall: { name: "f", args: { é: "\n" } }, thought: true },
      { functionCall: { name: "g" } },
    ];
    expect(choiceOf(answer(parts))).toEqual({
      index: 0,
      message: {
        role: "assistant",
        content: null,
        refusal: null,
        reasoning_content: "T",
        tool_calls: [
          { id: "call_r1_0", type: "function", function: { name: "f", arguments: '{"é":"\\n"}' } },
          { id: "call_r1_1", type: "function", function: { name: "g", arguments: "{}" } },
        ],
      },
      logprobs: null,
      finish_reason: "tool_calls",
    });
    expect(choiceOf(answer(parts), chat({ functions: [{ name: "f" }] }))).toMatchObject({
      message: { function_call: { name: "f", arguments: '{"é":"\\n"}' } },
      finish_reason: "function_call",
    });
  });

  it("calls functions by the names that the client gave them", () => {
    const tool = (name: string) => ({ type: "function", function: { name } });
    const called = answer([{ functionCall: { name: "_1f" } }]);
    const name = (request: JsonObject) => JSON.stringify(choiceOf(called, request).message);
    expect(name(chat({ tools: [tool("1f")] }))).toContain('"name":"1f"');
    expect(name(chat({ tools: [tool("_1f")] }))).toContain('"name":"_1f"');
  });

  it.each<[JsonObject, number, number, number]>([
    [{ promptTokenCount: 4, candidatesTokenCount: 5, thoughtsTokenCount: 31, totalTokenCount: 40 }, 4, 36, 31],
    [{ promptTokenCount: 4, candidatesTokenCount: 36, thoughtsTokenCount: 31, totalTokenCount: 40 }, 4, 36, 31],
    [{ promptTokenCount: 4, toolUsePromptTokenCount: 3, candidatesTokenCount: 5, totalTokenCount: 12 }, 7, 5, 0],
    [{ promptTokenCount: 4, totalTokenCount: 4 }, 4, 0, 0],
    [{ promptTokenCount: 4, thoughtsTokenCount: 9, totalTokenCount: 13 }, 4, 9, 9],
    [{ promptTokenCount: 999_999_999, toolUsePromptTokenCount: 9 }, 1_000_000_008, 0, 0],
    [{ promptTokenCount: 2147483647, candidatesTokenCount: 1.5, promptTokensDetails: [{ tokenCount: 7 }] }, 0, 0, 0],
    [
      { thoughtsTokenCount: "9", promptTokenCountX: 1, candidatesTokenCount: -1, cachedContentTokenCount: null },
      0,
      0,
      0,
    ],
  ])("that used %j used %i, %i, %i", (usageMetadata, prompt, completion, reasoning) => {
    const { usage } = receive(answer([{ text: "A" }], { usageMetadata }));
    expect(usage).toMatchObject({ prompt, completion, reasoning, source: USAGE_PROVIDER });
    expect(JSON.parse(Buffer.from(usage.raw).toString())).toEqual(usageMetadata);
  });

  it("without counts is estimated", () => {
    const { usage } = receive(answer([{ text: "A long answer" }]));
    expect(usage.source).toBe(USAGE_ESTIMATE);
    expect(usage).toMatchObject({ prompt: 8, completion: 4 });
  });

  it.each(["OTHER", "NO_IMAGE", "IMAGE_OTHER", "FINISH_REASON_UNSPECIFIED"])(
    "that ended with %s is one if it says something",
    (reason) => {
      expect(choiceOf(answer([{ text: "A" }], {}, reason))).toMatchObject({ finish_reason: "stop" });
      expect(choiceOf(answer([{ functionCall: { name: "f" } }], {}, reason))).toMatchObject({
        finish_reason: "tool_calls",
      });
      expect(receive(answer([{ text: "T", thought: true }], {}, reason))).toMatchObject({
        result: FAILED,
        problem: { status: 502, retryable: true },
      });
    },
  );

  it("may come in pieces, as streams do that lost their form", () => {
    const piece = (index: number, text: string, finishReason?: string) => ({
      index,
      content: { parts: [{ text }] },
      ...(finishReason === undefined ? {} : { finishReason }),
    });
    const counts = (candidatesTokenCount: number) => ({ promptTokenCount: 4, candidatesTokenCount });
    const pieces = [
      { candidates: [piece(0, "A"), piece(1, "C")], usageMetadata: counts(2), responseId: "r" },
      { candidates: [piece(1, "D", "MAX_TOKENS")], usageMetadata: counts(3), responseId: "r" },
      { candidates: [piece(0, "B", "STOP")], usageMetadata: counts(4), responseId: "r" },
    ];
    const received = receive(pieces);
    expect(JSON.parse(received.text).choices).toMatchObject([
      { index: 0, message: { content: "AB" }, finish_reason: "stop" },
      { index: 1, message: { content: "CD" }, finish_reason: "length" },
    ]);
    expect(received.usage).toMatchObject({ prompt: 4, completion: 4 });
    expect(receive(pieces.slice(0, 2))).toMatchObject({ result: FAILED, problem: { status: 502 } });
    expect(receive([...pieces, { error: { code: 503, message: "M" } }])).toMatchObject({ problem: { status: 503 } });
  });

  it.each(["", "[]", "{}", '"x"', '{"candidates":[]}', '{"candidates":[7]}', "<html>"])("is not %j", (text) => {
    expect(receive(text)).toMatchObject({ result: FAILED, text: "", problem: { status: 502, retryable: true } });
  });

  it.each(['{"error":{"code":429,"message":"M"}}', '[{"error":{"status":"RESOURCE_EXHAUSTED","message":"M"}}]'])(
    "may be an error: %s",
    (text) => {
      expect(receive(text)).toMatchObject({ result: FAILED, problem: { status: 429, message: "M" } });
    },
  );

  it("has an id and a model in any case", () => {
    const received = receive({ candidates: [{ finishReason: "STOP" }] });
    expect(received.result).toBe(REPLACED);
    expect(JSON.parse(received.text)).toMatchObject({ id: "chatcmpl-1790000001", model: "gemini-2.5-flash" });
  });
});
