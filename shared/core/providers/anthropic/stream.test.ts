import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../text.ts";
import { USAGE_PROVIDER } from "../../usage.ts";
import { chat, chunksOf, deltasOf, event, events, type JsonObject, stream } from "./harness.ts";
import {
  asking,
  close,
  ending,
  full,
  json,
  open,
  role,
  start,
  stop,
  text,
  textBlock,
  toolBlock,
} from "./stream-sample.ts";

describe("a stream", () => {
  it("becomes chunks of one completion", () => {
    const received = stream([full], asking);
    expect(received.problem).toBeNull();
    expect(received.exchange).toMatchObject({ begun: true, finished: true });
    expect(deltasOf(received.text)).toEqual([
      role,
      { reasoning_content: "The user wants" },
      { content: "Let me " },
      { content: 'see 😀 "now"\n' },
      {
        tool_calls: [{ index: 0, id: "toolu_02", type: "function", function: { name: "get_weather", arguments: "" } }],
      },
      { tool_calls: [{ index: 0, function: { arguments: '{"city": "Bo' } }] },
      { tool_calls: [{ index: 0, function: { arguments: 'gotá"}' } }] },
      { tool_calls: [{ index: 1, id: "toolu_03", type: "function", function: { name: "get_time", arguments: "" } }] },
      { tool_calls: [{ index: 1, function: { arguments: "{}" } }] },
      {},
    ]);
    const chunks = chunksOf(received.text) as JsonObject[];
    const head = {
      id: "msg_01",
      object: "chat.completion.chunk",
      created: 1790000001,
      model: "claude-sonnet-4-6",
      system_fingerprint: null,
    };
    expect(chunks[0]).toEqual({
      ...head,
      choices: [{ index: 0, delta: role, logprobs: null, finish_reason: null }],
      usage: null,
    });
    expect(chunks[1]).toEqual({
      ...head,
      choices: [{ index: 0, delta: { reasoning_content: "The user wants" }, logprobs: null, finish_reason: null }],
      usage: null,
    });
    expect(chunks.slice(-3)).toEqual([
      { ...head, choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: "tool_calls" }], usage: null },
      {
        ...head,
        choices: [],
        usage: {
          prompt_tokens: 618,
          completion_tokens: 61,
          total_tokens: 679,
          prompt_tokens_details: { cached_tokens: 300, cache_write_tokens: 0 },
          completion_tokens_details: { reasoning_tokens: 0 },
        },
      },
      "[DONE]",
    ]);
  });

  it("tells usage only to a client that asked, and counts it all the same", () => {
    const received = stream([full]);
    expect(received.text).not.toContain("usage");
    expect(received.text.endsWith('"finish_reason":"tool_calls"}]}\n\ndata: [DONE]\n\n')).toBe(true);
    expect(received.usage).toMatchObject({ prompt: 618, cached: 300, completion: 61, source: USAGE_PROVIDER });
  });

  it("is the same wherever it is cut", () => {
    const expected = stream([full], asking);
    const bytes = encodeUtf8(full);
    for (let at = 0; at <= bytes.length; at++) {
      const received = stream([bytes.slice(0, at), bytes.slice(at)], asking);
      expect(received.text, `cut at ${at}`).toBe(expected.text);
      expect(received.usage).toEqual(expected.usage);
    }
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(stream(single, asking).text).toBe(expected.text);
  });

  it("is the same in other spellings: line ends, names, white space, order and escapes of members", () => {
    const expected = stream([full], asking).text;
    expect(stream([full.replaceAll("\n", "\r\n")], asking).text).toBe(expected);
    expect(stream([full.replaceAll(/^event: .*\n/gm, "")], asking).text).toBe(expected);
    expect(stream([full.replaceAll(/^event: .*$/gm, "event: ping")], asking).text).toBe(expected);
    expect(stream([full.replaceAll("}\n\n", "   }\n\n")], asking).text).toBe(expected);
    expect(stream([full.replaceAll("data: {", "data:{ ")], asking).text).toBe(expected);
    expect(stream([`: hello\n\n${full.replaceAll("\n\n", "\n\n: ping\n\n")}`], asking).text).toBe(expected);
    const turned = full
      .replaceAll(/"index":(\d+),"delta":(\{.*\})\}\n/g, '"delta":$2,"index":$1}\n')
      .replaceAll('"type":', '"t\\u0079pe":');
    expect(turned).not.toBe(full);
    expect(stream([turned], asking).text).toBe(expected);
  });

  it("skips what it does not know and what is no JSON", () => {
    const odd = [
      event({ type: "content_block_flourish", index: 0 }),
      "data: PROCESSING\n\n",
      "data: : keepalive\n\n",
      "data: [1]\n\n",
      `data: ${JSON.stringify(text("cut")).slice(0, -1)}\n\n`,
      `data: ${JSON.stringify(text("more"))}}\n\n`,
      "data: {}\n\n",
      "event: ping\ndata:\n\n",
      event({ type: "content_block_delta" }),
      event({ type: "content_block_delta", index: 7, delta: { type: "compaction_delta", content: "x" } }),
      event({ type: "content_block_delta", index: 7, delta: { type: "text_delta", text: null } }),
      event({ type: "content_block_start", index: 8 }),
      event({ type: "content_block_start", index: 8, content_block: { type: "redacted_thinking", data: "x" } }),
      event({ type: "content_block_stop" }),
    ].join("");
    expect(
      stream([
        events(start(), open(0, textBlock)) +
          odd +
          events(text("A"), ending("end_turn"), stop) +
          odd +
          event(text("late")),
      ]).text,
    ).toBe(stream([events(start(), open(0, textBlock), text("A"), ending("end_turn"), stop)]).text);
  });

  it("passes escapes on as they came, a pair cut in two as well", () => {
    const spelled = '"\\ud83d \\u00e9 \\/"';
    const raw = `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":${spelled}}}\n\n`;
    expect(stream([events(start()) + raw]).text).toContain(`{"content":${spelled}}`);
  });

  it("writes nothing for empty additions", () => {
    expect(
      deltasOf(stream([events(start(), open(0, textBlock), text(""), text("A"), ending("end_turn"), stop)]).text),
    ).toEqual([role, { content: "A" }, {}]);
  });

  it("may bring text, thinking and a whole input with the start of a block", () => {
    const received = stream([
      events(
        start(),
        open(0, { type: "thinking", thinking: "Hm" }),
        close(0),
        open(1, { type: "text", text: "A" }),
        close(1),
        open(2, toolBlock("t", "f", { city: 'Bo"g' })),
        close(2),
        open(3, toolBlock("u", "f", { ignored: true })),
        json('{"a":1}', 3),
        close(3),
        ending("tool_use"),
        stop,
      ),
    ]);
    expect(deltasOf(received.text)).toEqual([
      role,
      { reasoning_content: "Hm" },
      { content: "A" },
      { tool_calls: [{ index: 0, id: "t", type: "function", function: { name: "f", arguments: "" } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"city":"Bo\\"g"}' } }] },
      { tool_calls: [{ index: 1, id: "u", type: "function", function: { name: "f", arguments: "" } }] },
      { tool_calls: [{ index: 1, function: { arguments: '{"a":1}' } }] },
      {},
    ]);
  });

  it("counts calls and not blocks, also when blocks overlap or never end", () => {
    const received = stream([
      events(
        start(),
        open(0, textBlock),
        open(5, toolBlock("a", "f")),
        open(6, toolBlock("b", "f")),
        json("{}", 6),
        json('{"x":1}', 5),
        open(7, { type: "server_tool_use", id: "s", name: "web_search", input: {} }),
        json('{"query":"x"}', 7),
        close(7),
        open(8, toolBlock("c", "f")),
        ending("tool_use"),
        stop,
      ),
    ]);
    const calls = deltasOf(received.text).filter((each) => "tool_calls" in (each as JsonObject));
    expect(calls.map((each) => JSON.stringify((each as { tool_calls: unknown[] }).tool_calls[0]))).toEqual([
      '{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}',
      '{"index":1,"id":"b","type":"function","function":{"name":"f","arguments":""}}',
      '{"index":1,"function":{"arguments":"{}"}}',
      '{"index":0,"function":{"arguments":"{\\"x\\":1}"}}',
      '{"index":2,"id":"c","type":"function","function":{"name":"f","arguments":""}}',
      '{"index":2,"function":{"arguments":"{}"}}',
    ]);
  });

  it("that opens calls without end fails", () => {
    const many = Array.from({ length: 300 }, (_, index) => open(index, toolBlock(`t${index}`, "f")));
    expect(stream([events(start(), ...many)]).problem).toMatchObject({ status: 502 });
  });

  it("answers a client of functions in the old way", () => {
    const received = stream(
      [
        events(
          start(),
          open(0, toolBlock("a", "f")),
          json('{"x":1}', 0),
          close(0),
          open(1, toolBlock("b", "f")),
          close(1),
          ending("tool_use"),
          stop,
        ),
      ],
      chat({ stream: true, functions: [{ name: "f" }] }),
    );
    expect(deltasOf(received.text)).toEqual([
      role,
      { function_call: { name: "f", arguments: "" } },
      { function_call: { arguments: '{"x":1}' } },
      {},
    ]);
    expect(received.text).toContain('"finish_reason":"function_call"');
  });

  it.each([
    ["end_turn", "stop"],
    ["stop_sequence", "stop"],
    ["max_tokens", "length"],
    ["model_context_window_exceeded", "length"],
    ["pause_turn", "length"],
    ["tool_use", "stop"],
    ["refusal", "content_filter"],
    ["something_new", "stop"],
    [null, "stop"],
  ])("that stopped by %s finished by %s", (reason, expected) => {
    const { text: sent } = stream([events(start(), open(0, textBlock), text("A"), ending(reason), stop)]);
    expect(sent).toContain(`"finish_reason":"${expected}"`);
  });

  it("that was refused says so before it ends", () => {
    const refused = {
      type: "message_delta",
      delta: { stop_reason: "refusal", stop_details: { category: "cyber" } },
      usage: { output_tokens: 1 },
    };
    expect(deltasOf(stream([events(start(), refused, stop)]).text)).toEqual([
      role,
      { refusal: "The model declined to answer (cyber)." },
      {},
    ]);
  });

  it("without the provider's head still has one", () => {
    const received = stream([events(text("A"), ending("end_turn"), stop)]);
    expect(chunksOf(received.text)[0]).toMatchObject({ id: "chatcmpl-1790000001", model: "claude-sonnet-4-6" });
    expect(deltasOf(received.text)).toEqual([role, { content: "A" }, {}]);
  });
});
