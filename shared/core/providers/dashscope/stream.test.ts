import "../../target.ts";
import { describe, expect, test } from "vitest";
import { FAILED } from "../../exchange.ts";
import { encodeUtf8 } from "../../text.ts";
import { chat, choice, chunksOf, deltasOf, event, type Setting, stream } from "./harness.ts";

const role = { role: "assistant", content: "", refusal: null };
const cumulative: Setting = { options: { incremental: false } };
const asking = chat({ stream: true, stream_options: { include_usage: true } });

const call = (index: number, id: string, name: string, args: string) => ({
  index,
  id,
  type: "function",
  function: { name, arguments: args },
});

const incremental = [
  event(choice({ content: "", reasoning_content: "Hm" })),
  event(choice({ content: '好 "x"\n' })),
  event(choice({ content: "😀" })),
  event(choice({ content: "", tool_calls: [call(0, "call_a", "f", "")] })),
  event(choice({ content: "", tool_calls: [call(0, "", "", '{"a":')] })),
  event(choice({ content: "", tool_calls: [call(0, "", "", "1}")] })),
  event(choice({ content: "", tool_calls: [call(1, "call_b", "g", "{}")] })),
  event({ ...choice({ content: "" }, "tool_calls"), usage: { input_tokens: 20, output_tokens: 9 } }),
].join("");

const growing = [
  event(choice({ content: "", reasoning_content: "Hm" })),
  event(choice({ content: '好 "x"\n', reasoning_content: "Hm" })),
  event(choice({ content: '好 "x"\n😀', reasoning_content: "Hm" })),
  event(choice({ content: '好 "x"\n😀', tool_calls: [call(0, "call_a", "f", "")] })),
  event(choice({ content: '好 "x"\n😀', tool_calls: [call(0, "call_a", "f", '{"a":')] })),
  event(choice({ content: '好 "x"\n😀', tool_calls: [call(0, "call_a", "f", '{"a":1}')] })),
  event(
    choice({ content: '好 "x"\n😀', tool_calls: [call(0, "call_a", "f", '{"a":1}'), call(1, "call_b", "g", "{}")] }),
  ),
  event({ ...choice({ content: "" }, "tool_calls"), usage: { input_tokens: 20, output_tokens: 9 } }),
].join("");

const deltas = [
  role,
  { reasoning_content: "Hm" },
  { content: '好 "x"\n' },
  { content: "😀" },
  { tool_calls: [call(0, "call_a", "f", "")] },
  { tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] },
  { tool_calls: [{ index: 0, function: { arguments: "1}" } }] },
  { tool_calls: [call(1, "call_b", "g", "{}")] },
  {},
];

describe("a stream becomes deltas", () => {
  for (const [name, text, setting] of [
    ["incremental", incremental, {}],
    ["cumulative", growing, cumulative],
  ] as const) {
    test(`${name}, cut at every byte`, () => {
      const bytes = encodeUtf8(text);
      const whole = stream({ pieces: [text], request: asking, setting });
      expect(deltasOf(whole.text)).toEqual(deltas);
      expect(whole.problem).toBeNull();
      expect(whole.usage).toMatchObject({ prompt: 20, completion: 9 });
      expect(chunksOf(whole.text).slice(-2)).toMatchObject([
        { choices: [], usage: { prompt_tokens: 20, completion_tokens: 9, total_tokens: 29 } },
        "[DONE]",
      ]);
      expect(chunksOf(whole.text).at(-3)).toMatchObject({ choices: [{ finish_reason: "tool_calls" }] });
      for (let at = 1; at < bytes.length; at++) {
        const cut = stream({ pieces: [bytes.slice(0, at), bytes.slice(at)], request: asking, setting });
        if (cut.text !== whole.text) expect(cut.text, `cut at ${at}`).toBe(whole.text);
      }
      const single = Array.from(bytes, (_, at) => bytes.slice(at, at + 1));
      expect(stream({ pieces: single, request: asking, setting }).text).toBe(whole.text);
    });
  }

  test("each event is passed on as it comes", () => {
    const first = event(choice({ content: "a" }));
    const { text, exchange } = stream({ pieces: [first, event(choice({ content: "b" }, "stop"))] });
    expect(deltasOf(text)).toEqual([role, { content: "a" }, { content: "b" }, {}]);
    expect(exchange.begun && exchange.finished).toBe(true);
    // The last event's usage counts all of it.
    expect(exchange.producedBytes).toBe(0);
  });

  test("parts of the multimodal service are one text", () => {
    const pieces = [
      event(choice({ content: [{ text: "a" }, { text: "b" }] })),
      event(choice({ content: [] }, "length")),
    ];
    const { text } = stream({ pieces });
    expect(deltasOf(text)).toEqual([role, { content: "ab" }, {}]);
    expect(chunksOf(text).at(-2)).toMatchObject({ choices: [{ finish_reason: "length" }] });
  });

  test("the bare text of result_format: text is taken too", () => {
    const pieces = ["a", "b"].map((text) => event({ output: { text, finish_reason: text === "b" ? "stop" : "null" } }));
    expect(deltasOf(stream({ pieces }).text)).toEqual([role, { content: "a" }, { content: "b" }, {}]);
  });

  test("several choices keep apart", () => {
    const both = (a: string, b: string, reason: string) =>
      event({
        output: {
          choices: [
            { index: 0, message: { content: a }, finish_reason: reason },
            { index: 1, message: { content: b }, finish_reason: reason },
          ],
        },
      });
    const request = chat({ stream: true, n: 2 });
    const { text, problem } = stream({ pieces: [both("a", "x", "null"), both("b", "y", "stop")], request });
    expect(problem).toBeNull();
    const said = chunksOf(text).map((chunk) => (chunk as { choices?: { index: number }[] }).choices?.[0]?.index);
    expect(said).toEqual([0, 0, 1, 1, 0, 1, 0, 1, undefined]);
    expect(stream({ pieces: [event(choice({ content: "a" }, "stop"))], request }).result).toBe(FAILED);
  });

  test("logprobs go along", () => {
    const logprobs = { content: [{ token: "a", logprob: -0.5, bytes: [97], top_logprobs: [] }] };
    const { text } = stream({ pieces: [event(choice({ content: "a" }, "stop", { logprobs }))] });
    expect(chunksOf(text)[1]).toMatchObject({ choices: [{ logprobs }] });
  });

  test("half a surrogate pair goes on as it came when events bring what is new", () => {
    const data = (half: string) => `{"output":{"choices":[{"message":{"content":"${half}"},"finish_reason":"null"}]}}`;
    const { text } = stream({
      pieces: [event(data("\\ud83d")), event(data("\\ude00")), event(choice({ content: "" }, "stop"))],
    });
    expect(text).toContain('"content":"\\ud83d"');
    expect(text).toContain('"content":"\\ude00"');
  });

  test("half a character waits for its other half when events bring all so far", () => {
    const texts = ["a\ufffd", "a😀", "a😀\ufffd"];
    const pieces = texts.map((content, at) => event(choice({ content }, at === 2 ? "stop" : "null")));
    const { text } = stream({ pieces, setting: cumulative });
    expect(deltasOf(text)).toEqual([role, { content: "a" }, { content: "😀" }, { content: "\ufffd" }, {}]);
  });

  test("a cumulative stream that takes back what it told is an error", () => {
    const pieces = [event(choice({ content: "abc" })), event(choice({ content: "abd" }, "stop"))];
    const { problem, text } = stream({ pieces, setting: cumulative });
    expect(problem).toMatchObject({ status: 502, retryable: true });
    expect(text).not.toContain("[DONE]");
  });
});

describe("the end of a stream", () => {
  test("without a finish reason it is cut", () => {
    const { result, problem, text } = stream({ pieces: [event(choice({ content: "a" }))] });
    expect(result).toBe(FAILED);
    expect(problem).toMatchObject({ status: 502 });
    expect(text).not.toContain("[DONE]");
  });

  test("usage may follow in an event without choices, and replaces what was told", () => {
    const last = { output: { choices: [] }, usage: { input_tokens: 20, output_tokens: 7 }, request_id: "5a1" };
    const { usage } = stream({ pieces: [event(choice({ content: "a" }, "stop")), event(last)] });
    expect(usage).toMatchObject({ prompt: 20, completion: 7 });
  });

  test("usage that was never told is estimated", () => {
    const { usage } = stream({
      pieces: [event({ output: { choices: [{ message: { content: "abcdefgh" }, finish_reason: "stop" }] } })],
    });
    expect(usage).toMatchObject({ completion: 2, source: 2 });
  });

  test("an empty answer is an answer", () => {
    const { text, problem } = stream({ pieces: [event(choice({ content: "" }, "stop"))] });
    expect(problem).toBeNull();
    expect(deltasOf(text)).toEqual([role, {}]);
  });
});

describe("errors in a stream", () => {
  const inspection = { code: "DataInspectionFailed", message: "Output data may contain inappropriate content." };

  test("nothing is told before the first event that says something", () => {
    const { text, problem, exchange } = stream({ pieces: [event(choice({ content: "" })), event(inspection, 400)] });
    expect(text).toBe("");
    expect(exchange.begun).toBe(false);
    expect(problem).toMatchObject({ status: 400, code: "content_filter", retryable: false });
  });

  test("the status stands in a comment", () => {
    const odd = { code: "SomethingNew", message: "M" };
    expect(stream({ pieces: [event(odd, 503)] }).problem).toMatchObject({ status: 503, retryable: true });
    expect(stream({ pieces: [event(odd, 413)] }).problem).toMatchObject({ status: 413, retryable: false });
    const text = event(odd, 413).replaceAll("\n", "\r\n");
    expect(stream({ pieces: [text] }).problem).toMatchObject({ status: 413 });
  });

  test("without a status the code decides", () => {
    const pieces = [`data:${JSON.stringify({ code: "Throttling.RateQuota", message: "M", request_id: "r" })}\n\n`];
    expect(stream({ pieces }).problem).toMatchObject({ status: 429, retryable: true });
  });

  test("text that looks like a status is none", () => {
    const error = { code: "Throttling", message: "\n:HTTP_STATUS/400" };
    expect(stream({ pieces: [`event:error\ndata:${JSON.stringify(error)}\n\n`] }).problem).toMatchObject({
      status: 429,
    });
  });

  test("an error event of no JSON is an error all the same", () => {
    expect(stream({ pieces: ["event:error\ndata:oops\n\n"] }).problem).toMatchObject({ status: 502 });
  });
});
