import "../../target.ts";
import { describe, expect, test } from "vitest";
import { FAILED, REPLACED } from "../../exchange.ts";
import { chat, choice, receive } from "./harness.ts";

const messageOf = (text: string) => (JSON.parse(text) as { choices: { message: unknown }[] }).choices[0]?.message;

describe("an answer", () => {
  test("has every choice, with its logprobs", () => {
    const logprobs = { content: [{ token: "a", logprob: -0.5, bytes: [97], top_logprobs: [] }] };
    const choices = [
      { finish_reason: "stop", message: { content: "a" }, logprobs },
      { finish_reason: "length", message: { content: "b" }, index: 4 },
    ];
    const { result, text } = receive({ output: { choices }, request_id: "r" }, chat({ n: 2 }));
    expect(result).toBe(REPLACED);
    expect(JSON.parse(text)).toMatchObject({
      id: "chatcmpl-r",
      choices: [
        { index: 0, message: { content: "a" }, logprobs, finish_reason: "stop" },
        { index: 4, message: { content: "b" }, logprobs: null, finish_reason: "length" },
      ],
    });
  });

  test("that calls tools says so, whatever its finish reason", () => {
    const calls = [{ id: "c", type: "function", function: { name: "f", arguments: { a: 1 } } }];
    const { text } = receive(choice({ content: "", tool_calls: calls }, "stop"));
    expect(messageOf(text)).toMatchObject({
      content: null,
      tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
    });
    expect(JSON.parse(text)).toMatchObject({ choices: [{ finish_reason: "tool_calls" }] });
  });

  test("without id or usage gets the call's time and an estimate", () => {
    const { text, usage } = receive({ output: { choices: [{ message: { content: "abcd" }, finish_reason: "stop" }] } });
    expect(JSON.parse(text)).toMatchObject({ id: "chatcmpl-1790000001" });
    expect(usage.source).toBe(2);
    expect(usage.completion).toBeGreaterThan(0);
  });

  test("tells cached, written and thought tokens", () => {
    const { usage } = receive({
      ...choice({ content: "a" }, "stop"),
      usage: {
        input_tokens: 50,
        output_tokens: 9,
        prompt_tokens_details: { cached_tokens: 20, cache_creation_input_tokens: 7 },
        output_tokens_details: { reasoning_tokens: 4 },
      },
    });
    expect(usage).toMatchObject({ prompt: 50, completion: 9, cached: 20, cacheWrite: 7, reasoning: 4 });
  });

  test.each(["", "<html>", "[]", "{}", '{"output":{}}', '{"output":{"choices":[]}}'])("%j is none", (body) => {
    expect(receive(body)).toMatchObject({ result: FAILED, problem: { status: 502, retryable: true } });
  });
});
