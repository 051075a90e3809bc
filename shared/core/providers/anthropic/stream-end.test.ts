import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../byte-writer.ts";
import { FAILED, REPLACED } from "../../exchange.ts";
import { decodeUtf8, encodeUtf8 } from "../../text.ts";
import { USAGE_ESTIMATE, USAGE_PROVIDER } from "../../usage.ts";
import { deltasOf, event, events, exchangeFor, type JsonObject, stream } from "./harness.ts";
import { asking, ending, full, open, ping, role, start, stop, text, textBlock } from "./stream-sample.ts";

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
