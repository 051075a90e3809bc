/** The local servers: OpenAI's paths, other words. */
import { afterEach, describe, expect, it } from "vitest";
import { chunksOf, probe } from "./probe.ts";

const hello = { model: "m", messages: [{ role: "user", content: "hello there" }] };
const long = { model: "m", messages: [{ role: "user", content: "word ".repeat(21) }] };
const streamed = { ...hello, stream: true, stream_options: { include_usage: true } };
const asked = { keys: ["k"], models: ["m"], context: 20 };

describe("vLLM dialect", () => {
  const test = probe({ ...asked, dialect: "vllm" }, { authorization: "Bearer k" });
  const { ask, text } = test;
  const PATH = "/v1/chat/completions";
  afterEach(() => test.upstream.clearScript());

  it("answers with a stop reason and what it thought", async () => {
    expect(await ask(PATH, { ...hello, reasoning_effort: "low", anything: 1 })).toMatchObject({
      json: {
        choices: [{ message: { reasoning: "The user wants: hello there" }, stop_reason: null }],
        usage: { prompt_tokens: 2, prompt_tokens_details: null },
      },
    });
  });

  it("tells usage on every chunk when asked, never to be added up", async () => {
    const options = { include_usage: true, continuous_usage_stats: true };
    const chunks = chunksOf(await text(PATH, { ...streamed, stream_options: options }));
    const told = chunks.map((chunk) => (chunk.usage as unknown as { completion_tokens: number }).completion_tokens);
    expect(told).toEqual([0, 1, 2, 2, 2]);
    const plain = chunksOf(await text(PATH, streamed)).slice(0, -1);
    expect(plain.every((chunk) => !("usage" in chunk))).toBe(true);
  });

  it.each([
    ["a bad key", hello, { authorization: "Bearer x" }, 401, "Unauthorized"],
    ["an unknown model", { ...hello, model: "x" }, {}, 404, { type: "NotFoundError", param: "model", code: 404 }],
    ["no messages", { model: "m" }, {}, 400, { type: "BadRequestError", code: 400 }],
    ["top_p of 0", { ...hello, top_p: 0 }, {}, 400, { param: "top_p" }],
    [
      "a long prompt",
      long,
      {},
      400,
      { message: expect.stringMatching(/maximum context length is 20 tokens/), param: "input_tokens" },
    ],
  ])("refuses %s", async (_, body, headers, status, error) => {
    expect(await ask(PATH, body, headers as Record<string, string>)).toMatchObject({ status, json: { error } });
  });

  it("ends a broken stream as if all were well", async () => {
    test.upstream.script({ error_event: { after_events: 1 } });
    expect(await text(PATH, streamed)).toMatch(/"code":500\}\}\n\ndata: \[DONE\]\n\n$/);
  });
});

describe("llama.cpp dialect", () => {
  const test = probe(asked, { authorization: "Bearer k" });
  const { ask, text } = test;
  const PATH = "/llamacpp/v1/chat/completions";
  afterEach(() => test.upstream.clearScript());

  it("answers with its timings, on a path that names it", async () => {
    expect(await ask(PATH, hello)).toMatchObject({
      json: { choices: [{ message: { content: "hello there" } }], timings: { predicted_n: 2 } },
    });
  });

  it("opens a stream with a null content", async () => {
    const chunks = chunksOf(await text(PATH, streamed));
    expect(chunks[0]).toMatchObject({ choices: [{ delta: { role: "assistant", content: null } }] });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 4 }, timings: {} });
  });

  it.each([
    ["a bad key", hello, { authorization: "Bearer x" }, 401, { code: 401, type: "authentication_error" }],
    ["no messages", {}, {}, 400, { code: 400, type: "invalid_request_error" }],
    ["a long prompt", long, {}, 400, { type: "exceed_context_size_error", n_prompt_tokens: 21, n_ctx: 20 }],
  ])("refuses %s", async (_, body, headers, status, error) => {
    expect(await ask(PATH, body, headers as Record<string, string>)).toMatchObject({ status, json: { error } });
  });

  it("says so while it is loading its model", async () => {
    test.upstream.script({ status: 503 });
    expect(await ask(PATH, hello)).toMatchObject({
      status: 503,
      json: { error: { code: 503, message: "Loading model", type: "unavailable_error" } },
    });
  });
});
