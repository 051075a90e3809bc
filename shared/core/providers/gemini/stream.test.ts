import { describe, expect, it } from "vitest";
import { FAILED } from "../../exchange.ts";
import { encodeUtf8 } from "../../text.ts";
import { USAGE_PROVIDER } from "../../usage.ts";
import { answer, chat, chunksOf, deltasOf, events, stream } from "./harness.ts";

const role = { role: "assistant", content: "", refusal: null };
const asking = chat({ stream: true, stream_options: { include_usage: true } });
const counted = (candidates: number, total: number) => ({
  usageMetadata: {
    promptTokenCount: 6,
    candidatesTokenCount: candidates,
    thoughtsTokenCount: 32,
    totalTokenCount: total,
  },
});

/** One of each: thought, text, two calls, an empty end. */
const full = events(
  { usageMetadata: { promptTokenCount: 6, totalTokenCount: 6 }, modelVersion: "gemini-2.5-flash", responseId: "r1" },
  answer([{ text: "Hm", thought: true }], counted(0, 38), null),
  answer([{ text: 'Let me 😀 "see"\n' }], counted(4, 42), null),
  answer(
    [
      { functionCall: { name: "get_weather", args: { city: "Bogotá" } }, thoughtSignature: "Ck+/=" },
      { functionCall: { name: "now", args: {} } },
    ],
    counted(9, 47),
    null,
  ),
  answer([{ text: "" }], counted(9, 47)),
);

describe("a stream", () => {
  it("becomes chunks of one completion, and its last counts are its usage", () => {
    const received = stream([full], asking);
    expect(received.problem).toBeNull();
    expect(received.exchange).toMatchObject({ begun: true, finished: true });
    expect(deltasOf(received.text)).toEqual([
      role,
      { reasoning_content: "Hm" },
      { content: 'Let me 😀 "see"\n' },
      {
        tool_calls: [
          {
            index: 0,
            id: "call_r1_0__thought__Ck_2b_2f_3d",
            type: "function",
            function: { name: "get_weather", arguments: '{"city":"Bogotá"}' },
          },
        ],
      },
      { tool_calls: [{ index: 1, id: "call_r1_1", type: "function", function: { name: "now", arguments: "{}" } }] },
      {},
    ]);
    expect(received.usage).toMatchObject({ prompt: 6, completion: 41, reasoning: 32, source: USAGE_PROVIDER });
    expect(chunksOf(received.text).slice(-3)).toMatchObject([
      { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }], usage: null },
      { choices: [], usage: { prompt_tokens: 6, completion_tokens: 41, total_tokens: 47 } },
      "[DONE]",
    ]);
  });

  it("is the same wherever it is cut, and with any line end", () => {
    const expected = stream([full], asking);
    const bytes = encodeUtf8(full);
    for (let at = 0; at <= bytes.length; at++) {
      const received = stream([bytes.slice(0, at), bytes.slice(at)], asking);
      expect(received.text, `cut at ${at}`).toBe(expected.text);
      expect(received.usage).toEqual(expected.usage);
    }
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(stream(single, asking).text).toBe(expected.text);
    expect(stream([full.replaceAll("\r\n", "\n")], asking).text).toBe(expected.text);
    expect(stream([full.trimEnd()], asking).text).toBe(expected.text);
    expect(stream([`: hello\n\ndata: PROCESSING\n\n${full}`], asking).text).toBe(expected.text);
  });

  it("has not begun before it tells something", () => {
    const silent = events(
      { usageMetadata: { promptTokenCount: 6 } },
      answer([{ text: "" }], {}, null),
      answer([], {}, null),
    );
    const received = stream([silent]);
    expect(received).toMatchObject({ result: FAILED, text: "" });
    expect(received.exchange.begun).toBe(false);
  });

  it("that ends without a reason is cut, not complete", () => {
    const received = stream([events(answer([{ text: "Once" }], {}, null))]);
    expect(received.result).toBe(FAILED);
    expect(received.text).not.toContain("[DONE]");
    expect(received.exchange).toMatchObject({ begun: true, finished: false, producedBytes: 4 });
  });

  it.each([
    'data: {"error":{"code":503,"message":"Overloaded","status":"UNAVAILABLE"}}\r\n\r\n',
    '{"error":{"code":503,"message":"Overloaded","status":"UNAVAILABLE"}}',
    '[{\n  "error": {\n    "code": 503,\n    "message": "Overloaded",\n    "status": "UNAVAILABLE"\n  }\n}\n]\n',
  ])("shows an error, first and in the middle: %j", (error) => {
    for (const before of ["", events(answer([{ text: "Once" }], {}, null))]) {
      for (let at = 0; at <= error.length; at += 7) {
        const received = stream([before + error.slice(0, at), error.slice(at)]);
        expect(received.problem).toMatchObject({ status: 503, message: "Overloaded", retryable: true });
        expect(received.exchange).toMatchObject({ begun: before !== "", finished: false });
      }
    }
  });

  it("keeps choices apart", () => {
    const one = (index: number, text: string, finishReason?: string) => ({
      content: { parts: [{ text }] },
      index,
      finishReason,
    });
    const list = events(
      { candidates: [one(0, "A"), one(1, "B", "MAX_TOKENS")] },
      { candidates: [one(0, "C", "STOP")] },
    );
    const choices = chunksOf(stream([list]).text).flatMap((chunk) => (chunk as { choices?: object[] }).choices ?? []);
    expect(choices).toMatchObject([
      { index: 0, delta: role },
      { index: 0, delta: { content: "A" } },
      { index: 1, delta: role },
      { index: 1, delta: { content: "B" } },
      { index: 0, delta: { content: "C" } },
      { index: 0, delta: {}, finish_reason: "stop" },
      { index: 1, delta: {}, finish_reason: "length" },
    ]);
  });

  it("of a blocked prompt is a refusal", () => {
    const blocked = events({ promptFeedback: { blockReason: "SAFETY" }, usageMetadata: { promptTokenCount: 14 } });
    const received = stream([blocked]);
    expect(deltasOf(received.text)).toEqual([role, { refusal: "The provider blocked the prompt (SAFETY)." }, {}]);
    expect(received.text).toContain('"finish_reason":"content_filter"');
    expect(received.usage).toMatchObject({ prompt: 14, completion: 0 });
  });

  it("that the model broke off is an error", () => {
    const received = stream([events(answer([{ text: "A" }], {}, null), answer([], {}, "MALFORMED_FUNCTION_CALL"))]);
    expect(received.problem).toMatchObject({ status: 502, retryable: true });
    expect(received.text).not.toContain('finish_reason":"');
  });

  it("that ends unexplained is an answer only if it said something", () => {
    expect(stream([events(answer([{ text: "A" }], {}, "OTHER"))]).problem).toBeNull();
    expect(stream([events(answer([{ text: "" }], {}, "OTHER"))]).problem).toMatchObject({ status: 502 });
  });

  it("answers in the old way, one call", () => {
    const request = chat({ stream: true, functions: [{ name: "f" }] });
    const two = answer([{ functionCall: { name: "f", args: { a: 1 } } }, { functionCall: { name: "f" } }]);
    const received = stream([events(two)], request);
    expect(deltasOf(received.text)).toEqual([role, { function_call: { name: "f", arguments: '{"a":1}' } }, {}]);
    expect(received.text).toContain('"finish_reason":"function_call"');
  });
});
