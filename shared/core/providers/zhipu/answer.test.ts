import "../../target.ts";
import { describe, expect, test } from "vitest";
import { EMBEDDINGS, FAILED, IMAGES } from "../../exchange.ts";
import { encodeUtf8 } from "../../text.ts";
import { USAGE_NONE, USAGE_PROVIDER } from "../../usage.ts";
import { chat, delta, events, receive, stream } from "./harness.ts";

const USAGE = {
  prompt_tokens: 12,
  completion_tokens: 3,
  total_tokens: 15,
  prompt_tokens_details: { cached_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 2 },
};
const STREAM = events(
  delta({ content: "" }),
  delta({ reasoning_content: "Süm." }),
  delta({ content: "4 😀" }),
  delta({ content: "" }, { usage: USAGE }, { finish_reason: "stop" }),
  "[DONE]",
);
const ASKED = chat({ stream: true, stream_options: { include_usage: true } });

function finished(reason: string | null) {
  return receive({ choices: [{ index: 0, finish_reason: reason, message: { role: "assistant", content: "4" } }] });
}

describe("a whole answer", () => {
  test.each([
    ["stop", "stop"],
    ["length", "length"],
    ["tool_calls", "tool_calls"],
    ["sensitive", "content_filter"],
    ["model_context_window_exceeded", "length"],
    [null, "stop"],
  ])("that ends by %s ends for the client by %s", (reason, expected) => {
    expect(JSON.parse(finished(reason).text).choices[0].finish_reason).toBe(expected);
  });

  test("that ends by a network error is none, and may be tried elsewhere", () => {
    expect(finished("network_error")).toMatchObject({ result: FAILED, problem: { status: 502, retryable: true } });
  });

  test.each(["", "<html>", "[]", "{}", '{"choices":[]}'])("%j is none", (text) => {
    expect(receive(text)).toMatchObject({ result: FAILED, problem: { status: 502, retryable: true } });
  });

  test("without usage leaves it to an estimate of what was written", () => {
    const { usage, exchange } = finished("stop");
    expect(usage.source).toBe(USAGE_NONE);
    expect(exchange.producedBytes).toBe(1);
  });

  test.each([
    ["base64", Buffer.from(Float32Array.of(0.25, -1.5).buffer).toString("base64")],
    ["float", [0.25, -1.5]],
    [undefined, [0.25, -1.5]],
  ])("of embeddings comes as the client asked: %s", (encoding_format, embedding) => {
    const answer = { model: "e", data: [{ index: 0, embedding: [0.25, -1.5] }], usage: { prompt_tokens: 2 } };
    const { text, usage } = receive(answer, { input: "a", encoding_format }, { endpoint: EMBEDDINGS });
    const data = [{ object: "embedding", index: 0, embedding }];
    const told = { prompt_tokens: 2, total_tokens: 2 };
    expect(JSON.parse(text)).toEqual({ object: "list", data, model: "e", usage: told });
    expect(usage.prompt).toBe(2);
  });

  test.each([{}, { data: [{}] }, { data: [{ embedding: ["1"] }] }, { data: [1] }])("%j is no embedding", (answer) => {
    expect(receive(answer, { input: "a" }, { endpoint: EMBEDDINGS })).toMatchObject({
      result: FAILED,
      problem: { status: 502 },
    });
  });

  test("of images counts them", () => {
    const { usage } = receive({ created: 1, data: [{ url: "u" }] }, {}, { endpoint: IMAGES });
    expect(usage).toMatchObject({ images: 1, source: USAGE_PROVIDER });
  });
});

describe("a stream", () => {
  test.each([
    ["asked for", ASKED],
    ["not asked for", chat({ stream: true })],
  ])("is the same however it is cut, with usage %s", (_name, request) => {
    const whole = stream([STREAM], request);
    expect(whole.problem).toBeNull();
    for (let at = 1; at < STREAM.length; at++) {
      const cut = stream([STREAM.slice(0, at), STREAM.slice(at)], request);
      expect(cut.text).toBe(whole.text);
      expect(cut.usage).toEqual(whole.usage);
    }
    const bytes = Array.from(STREAM, (byte) => Uint8Array.of(byte));
    expect(stream(bytes, request).text).toBe(whole.text);
  });

  test("tells usage once, at its end, to whom asked for it", () => {
    const data = stream([STREAM], ASKED).text.split("\n\n").slice(0, -1);
    const chunks = data.slice(0, -1).map((event) => JSON.parse(event.slice(6)));
    expect(chunks.map(({ usage }) => usage)).toEqual([null, null, null, null, USAGE]);
    expect(chunks.at(-1)).toMatchObject({ choices: [], id: "1", object: "chat.completion.chunk" });
    expect(data.at(-1)).toBe("data: [DONE]");
  });

  test("keeps cached and reasoning tokens apart, and takes a later usage for the whole", () => {
    const early = delta({ content: "a" }, { usage: { prompt_tokens: 12, completion_tokens: 1 } });
    const { usage } = stream([events(early), STREAM]);
    expect(usage).toMatchObject({ prompt: 12, cached: 4, completion: 3, reasoning: 2, source: USAGE_PROVIDER });
  });

  test("names the role once", () => {
    expect(stream([STREAM]).text.match(/"role"/g)).toHaveLength(1);
  });

  test("has not begun with an empty opening", () => {
    expect(stream([events(delta({ content: "" }), { error: { code: "1305", message: "Busy" } })])).toMatchObject({
      result: FAILED,
      problem: { status: 429, code: "rate_limit_exceeded", retryable: true },
      exchange: { begun: false },
    });
  });

  test.each([
    ["the connection breaks", events(delta({ content: "4" }))],
    ["half an event is left", events(delta({ content: "4" }), delta({ content: "5" })).slice(0, -40)],
    ["an event is no JSON", events(delta({ content: "4" }), '{"choices":')],
    [
      "the network fails behind the vendor",
      events(delta({ content: "4" }), delta({}, {}, { finish_reason: "network_error" })),
    ],
  ])("is broken when %s", (_name, bytes) => {
    const received = stream([bytes]);
    expect(received).toMatchObject({ result: FAILED, problem: { status: 502 }, exchange: { begun: true } });
    expect(received.text).not.toContain("[DONE]");
  });

  test("that holds no answer is a failure", () => {
    expect(stream([events("[DONE]")])).toMatchObject({ result: FAILED, exchange: { begun: false } });
    expect(stream([encodeUtf8("")])).toMatchObject({ result: FAILED, exchange: { begun: false } });
  });

  test("passes over keep-alives, and over what follows its end", () => {
    const noisy = [encodeUtf8(": ping\n\ndata: ping\n\n"), STREAM, events(delta({ content: "late" }))];
    expect(stream(noisy).text).toBe(stream([STREAM]).text);
  });
});
