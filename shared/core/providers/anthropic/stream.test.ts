import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../byte-writer.ts";
import { FAILED, REPLACED } from "../../exchange.ts";
import { decodeUtf8, encodeUtf8 } from "../../text.ts";
import { USAGE_ESTIMATE, USAGE_PROVIDER } from "../../usage.ts";
import { chat, chunksOf, deltasOf, event, events, exchangeFor, type JsonObject, stream } from "./harness.ts";

const usage = { input_tokens: 318, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 4 };
const start = (members: JsonObject = {}) => ({
  type: "message_start",
  message: {
    id: "msg_01",
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-6",
    content: [],
    stop_reason: null,
    usage,
    ...members,
  },
});
const open = (index: number, block: JsonObject) => ({ type: "content_block_start", index, content_block: block });
const delta = (index: number, added: JsonObject) => ({ type: "content_block_delta", index, delta: added });
const text = (value: string, index = 0) => delta(index, { type: "text_delta", text: value });
const json = (value: string, index: number) => delta(index, { type: "input_json_delta", partial_json: value });
const close = (index: number) => ({ type: "content_block_stop", index });
const ending = (reason: string | null, members: JsonObject = {}) => ({
  type: "message_delta",
  delta: { stop_reason: reason, stop_sequence: null },
  usage: { output_tokens: 61 },
  ...members,
});
const stop = { type: "message_stop" };
const ping = { type: "ping" };
const textBlock = { type: "text", text: "" };
const toolBlock = (id: string, name: string, input: JsonObject = {}) => ({ type: "tool_use", id, name, input });
const role = { role: "assistant", content: "", refusal: null };

const asking = chat({ stream: true, stream_options: { include_usage: true } });

/** One of each: thinking, text, two calls, one of them without arguments. */
const full = events(
  start(),
  open(0, { type: "thinking", thinking: "", signature: "" }),
  ping,
  delta(0, { type: "thinking_delta", thinking: "The user wants" }),
  delta(0, { type: "signature_delta", signature: "RXhhbXBsZQ" }),
  close(0),
  open(1, textBlock),
  text("Let me ", 1),
  text('see 😀 "now"\n', 1),
  delta(1, { type: "citations_delta", citation: { cited_text: "x" } }),
  close(1),
  open(2, toolBlock("toolu_02", "get_weather")),
  json("", 2),
  json('{"city": "Bo', 2),
  json('gotá"}', 2),
  close(2),
  open(3, toolBlock("toolu_03", "get_time")),
  json("", 3),
  close(3),
  ending("tool_use", {
    usage: { input_tokens: 318, cache_read_input_tokens: 300, cache_creation_input_tokens: null, output_tokens: 61 },
  }),
  stop,
);

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

describe("usage of a stream", () => {
  const counted = (first: unknown, ...later: unknown[]) => {
    const ends = later.map((each) => ({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: each }));
    return stream([events(start({ usage: first }), open(0, textBlock), text("A"), ...ends, stop)]).usage;
  };

  it("is what was said last, never a sum", () => {
    expect(
      counted(
        { input_tokens: 10, output_tokens: 1 },
        { input_tokens: 10, output_tokens: 5 },
        { input_tokens: 10, output_tokens: 9 },
      ),
    ).toMatchObject({ prompt: 10, completion: 9, source: USAGE_PROVIDER });
  });

  it("keeps the input of the start when the end tells none", () => {
    const last = counted(
      { input_tokens: 10, cache_read_input_tokens: 7, output_tokens: 1 },
      { output_tokens: 5, input_tokens: null },
    );
    expect(last).toMatchObject({ prompt: 17, cached: 7, completion: 5 });
    expect(JSON.parse(decodeUtf8(last.raw, 0, last.raw.length))).toEqual({
      input_tokens: 10,
      cache_read_input_tokens: 7,
      output_tokens: 5,
    });
  });

  it("takes a cached part that only the end tells, as some servers do", () => {
    const last = counted(
      { input_tokens: 100, output_tokens: 0 },
      { input_tokens: 20, cache_read_input_tokens: 80, output_tokens: 5 },
    );
    expect(last).toMatchObject({ prompt: 100, cached: 80, completion: 5 });
  });

  it("keeps a nought that the provider said", () => {
    expect(counted({ input_tokens: 10, output_tokens: 3 }, { input_tokens: 0, output_tokens: 0 })).toMatchObject({
      prompt: 0,
      completion: 0,
    });
  });

  it("is an estimate until the end tells it, with the prompt exact", () => {
    const cut = stream([events(start(), open(0, textBlock), text("x".repeat(400)))]);
    expect(cut.usage).toMatchObject({ prompt: 318, completion: 4, source: USAGE_ESTIMATE });
    expect(cut.exchange.producedBytes).toBe(400);
    const silent = stream([
      events(
        { type: "message_start" },
        text("x".repeat(400)),
        { type: "message_delta", delta: { stop_reason: "end_turn" } },
        stop,
      ),
    ]);
    expect(silent.usage).toMatchObject({ completion: 100, source: USAGE_ESTIMATE });
    expect(silent.usage.prompt).toBeGreaterThan(0);
  });

  it("is not merged by members without end", () => {
    const vast = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`member_${index}`, index]));
    expect(counted({ ...vast, input_tokens: 3 }, { ...vast, input_tokens: 4, output_tokens: 5 })).toMatchObject({
      prompt: 4,
      completion: 5,
    });
  });

  it("counts what was produced: text, thinking and arguments", () => {
    expect(stream([full]).exchange.producedBytes).toBe(
      encodeUtf8('The user wantsLet me see 😀 \\"now\\"\\n{\\"city\\": \\"Bogotá\\"}').length,
    );
  });
});

describe("the first event", () => {
  const begunAfter = (...list: JsonObject[]) => {
    const exchange = exchangeFor(asking);
    const bytes = encodeUtf8(events(...list));
    const out = new ByteWriter(0);
    expect(exchange.chunk(bytes, bytes.length, false, out)).toBe(exchange.problem == null ? REPLACED : FAILED);
    return { begun: exchange.begun, written: out.length, problem: exchange.problem };
  };

  it.each<[string, JsonObject[]]>([
    ["the start of a block", [open(0, textBlock)]],
    ["an addition", [text("A")]],
    ["the end", [ending("end_turn")]],
  ])("that decides is %s", (_what, list) => {
    expect(begunAfter(start(), ping)).toEqual({ begun: false, written: 0, problem: null });
    expect(begunAfter(start(), ping, ...list)).toMatchObject({ begun: true, problem: null });
  });

  it("that is an error fails the attempt, and nothing was written", () => {
    const overloaded = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
    for (const before of [[], [start()], [start(), ping]]) {
      expect(begunAfter(...before, overloaded)).toMatchObject({
        begun: false,
        written: 0,
        problem: { status: 503, type: "overloaded_error", message: "Overloaded", retryable: true },
      });
    }
  });
});

describe("an error in a stream", () => {
  const failed = (error: unknown) =>
    stream([events(start(), open(0, textBlock), text("A"), { type: "error", error }, ending("end_turn"), stop)]);

  it("ends it, without a finish reason or [DONE]", () => {
    const received = failed({ type: "overloaded_error", message: "Overloaded" });
    expect(received.result).toBe(FAILED);
    expect(deltasOf(received.text)).toEqual([role, { content: "A" }]);
    expect(received.text).not.toContain("[DONE]");
    expect(received.text).not.toContain('"finish_reason":"');
    expect(received.exchange).toMatchObject({ begun: true, finished: false });
  });

  it("after the stop reason leaves no sign of success", () => {
    const received = stream([
      events(
        start(),
        text("A"),
        ending("end_turn"),
        { type: "error", error: { type: "api_error", message: "x" } },
        stop,
      ),
    ]);
    expect(received.result).toBe(FAILED);
    expect(received.text).not.toContain('"finish_reason":"stop"');
    expect(received.text).not.toContain("[DONE]");
  });

  it.each<[string, number, boolean]>([
    ["invalid_request_error", 400, false],
    ["authentication_error", 502, true],
    ["billing_error", 502, true],
    ["permission_error", 502, true],
    ["not_found_error", 404, false],
    ["conflict_error", 409, true],
    ["request_too_large", 413, false],
    ["rate_limit_error", 429, true],
    ["api_error", 500, true],
    ["timeout_error", 504, true],
    ["overloaded_error", 503, true],
    ["something_new", 500, true],
  ])("of type %s has status %i, retried: %s", (type, status, retryable) => {
    expect(failed({ type, message: "Why." }).problem).toMatchObject({ status, retryable });
  });

  it.each([undefined, null, "x", {}, []])("in the shape %j is one all the same", (error) => {
    expect(failed(error).problem).toMatchObject({ status: 500, retryable: true });
  });

  it("needs no type around it", () => {
    const bare = 'event: error\ndata: {"error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';
    expect(stream([event(start()) + bare]).problem).toMatchObject({ status: 503 });
  });
});

describe("a stream that ends too early", () => {
  it("is never shown as complete, wherever it is cut", () => {
    const bytes = encodeUtf8(full);
    const whole = full.indexOf("event: message_stop");
    const told = encodeUtf8(full.slice(0, whole)).length - 2;
    for (let at = 0; at < told; at++) {
      const received = stream([bytes.slice(0, at)], asking);
      expect(received.result, `cut at ${at}`).toBe(FAILED);
      expect(received.problem).toMatchObject({ status: 502, retryable: true });
      expect(received.text).not.toContain("[DONE]");
    }
  });

  it("is complete when only the last event is missing, or its blank line", () => {
    const expected = stream([full]).text;
    expect(stream([full.slice(0, full.indexOf("event: message_stop"))]).text).toBe(expected);
    expect(stream([full.trimEnd()]).text).toBe(expected);
    expect(stream([full.slice(0, -6)]).text).toBe(expected);
  });

  it("or is something else fails", () => {
    for (const body of ["", "<html>", '{"type":"message","content":[]}', "data: [DONE]\n\n"]) {
      expect(stream([body])).toMatchObject({ result: FAILED, text: "", problem: { status: 502 } });
    }
  });
});
