/** The official SDK, unchanged but for base URL and key, against an OpenAI and an Anthropic provider. */
import type OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { KEYS, startWorld, type World } from "./world.ts";

let world: World;
let client: OpenAI;
beforeAll(async () => {
  world = await startWorld();
  client = world.gateway.client(KEYS.main);
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

type Message = OpenAI.ChatCompletionMessageParam;
const user = (content: OpenAI.ChatCompletionUserMessageParam["content"]): Message => ({ role: "user", content });

const weather: OpenAI.ChatCompletionFunctionTool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

async function collect(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<OpenAI.ChatCompletionChunk[]> {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const textOf = (chunks: OpenAI.ChatCompletionChunk[]) =>
  chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");

describe.each([
  { model: "solo", provider: "primary", served: "gpt-4.1-mini" },
  { model: "claude", provider: "claude", served: "claude-sonnet-4-5" },
] as const)("a chat with $provider", ({ model, provider, served }) => {
  it("is answered, counted and recorded once", async () => {
    const { data, response } = await client.chat.completions
      .create({ model, messages: [{ role: "system", content: "be brief" }, user("hello wide world")], max_tokens: 50 })
      .withResponse();
    expect(data.object).toBe("chat.completion");
    expect(data.choices).toMatchObject([
      { index: 0, finish_reason: "stop", message: { role: "assistant", content: "hello wide world" } },
    ]);
    expect(data.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 });
    const record = await world.gateway.record(response.headers.get("x-request-id"));
    expect(record).toMatchObject({
      project: "main",
      endpoint: "/v1/chat/completions",
      stream: false,
      requested_model: model,
      served_model: served,
      provider,
      outcome: "ok",
      usage: { prompt_tokens: 5, completion_tokens: 3 },
      usage_source: "provider",
      attempts: [{ provider, model: served, status: 200, error: null }],
    });
    expect(world[provider].log()).toHaveLength(1);
  });

  it("streams, and hides the usage that the client did not ask for", async () => {
    const { data, response } = await client.chat.completions
      .create({ model, messages: [user("one two three four")], stream: true })
      .withResponse();
    const chunks = await collect(data);
    expect(textOf(chunks)).toBe("one two three four");
    expect(chunks.every((chunk) => chunk.object === "chat.completion.chunk" && chunk.id === chunks[0]?.id)).toBe(true);
    expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
    expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean)).toEqual(["stop"]);
    expect(chunks.filter((chunk) => chunk.usage != null || chunk.choices.length === 0)).toEqual([]);
    const record = await world.gateway.record(response.headers.get("x-request-id"));
    expect(record).toMatchObject({
      outcome: "ok",
      stream: true,
      usage_source: "provider",
      usage: { prompt_tokens: 4, completion_tokens: 4 },
    });
    expect(record.ttft_ms).not.toBeNull();
  });

  it("shows the usage of a stream when asked", async () => {
    const stream = await client.chat.completions.create({
      model,
      messages: [user("a b c")],
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 },
    });
    expect(chunks.filter((chunk) => chunk.usage != null)).toHaveLength(1);
  });

  it("calls several tools at once and goes on with their results", async () => {
    const ask = user('call get_weather {"city":"Bogotá"}\ncall get_weather {"city":"上海"}');
    const first = await client.chat.completions.create({ model, messages: [ask], tools: [weather] });
    const said = first.choices[0];
    expect(said?.finish_reason).toBe("tool_calls");
    const calls = (said?.message.tool_calls ?? []).filter((call) => call.type === "function");
    expect(calls.map((call) => JSON.parse(call.function.arguments))).toEqual([{ city: "Bogotá" }, { city: "上海" }]);
    expect(new Set(calls.map((call) => call.id)).size).toBe(2);
    const results = calls.map(
      (call, index): Message => ({ role: "tool", tool_call_id: call.id, content: `${index} °C` }),
    );
    const second = await client.chat.completions.create({
      model,
      messages: [ask, said?.message as Message, ...results],
      tools: [weather],
    });
    expect(second.choices[0]).toMatchObject({
      finish_reason: "stop",
      message: { content: "The tools said: 0 °C; 1 °C" },
    });
  });

  it("streams tool calls", async () => {
    const messages = [user('call get_weather {"city":"Bogotá"}\ncall get_weather {"city":"Quito"}')];
    const stream = client.chat.completions.stream({ model, messages, tools: [weather] });
    const message = (await stream.finalChatCompletion()).choices[0]?.message;
    const calls = (message?.tool_calls ?? []) as OpenAI.ChatCompletionMessageFunctionToolCall[];
    expect(calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)])).toEqual([
      ["get_weather", { city: "Bogotá" }],
      ["get_weather", { city: "Quito" }],
    ]);
  });

  it("calls a tool without arguments", async () => {
    const now: OpenAI.ChatCompletionTool = { type: "function", function: { name: "now" } };
    const stream = client.chat.completions.stream({ model, messages: [user("call now {}")], tools: [now] });
    const message = (await stream.finalChatCompletion()).choices[0]?.message;
    const [call] = (message?.tool_calls ?? []) as OpenAI.ChatCompletionMessageFunctionToolCall[];
    expect(JSON.parse(call?.function.arguments ?? "")).toEqual({});
  });

  it("must call a tool when the client says so", async () => {
    const answer = await client.chat.completions.create({
      model,
      messages: [user("Bern")],
      tools: [weather],
      tool_choice: "required",
    });
    const [call] = (answer.choices[0]?.message.tool_calls ?? []) as OpenAI.ChatCompletionMessageFunctionToolCall[];
    expect(JSON.parse(call?.function.arguments ?? "")).toEqual({ city: "Bern" });
  });

  it("answers in the structure asked for", async () => {
    const schema = {
      type: "object",
      properties: { city: { type: "string" }, degrees: { type: "number" } },
      required: ["city", "degrees"],
      additionalProperties: false,
    };
    const answer = await client.chat.completions.create({
      model,
      messages: [user("Bern")],
      response_format: { type: "json_schema", json_schema: { name: "weather", schema, strict: true } },
    });
    expect(JSON.parse(answer.choices[0]?.message.content ?? "")).toEqual({ city: "Bern", degrees: 1 });
  });

  it("shows images by URL and by data URI to the model", async () => {
    const answer = await client.chat.completions.create({
      model,
      messages: [
        user([
          { type: "text", text: "look" },
          { type: "image_url", image_url: { url: "https://example.com/cat.png" } },
          { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL.toString("base64")}` } },
        ]),
      ],
    });
    const seen = `look [image https://example.com/cat.png] [image image/png ${PIXEL.length} bytes]`;
    expect(answer.choices[0]?.message.content).toBe(seen);
  });

  it("stops where told and at the limit of tokens", async () => {
    const stopped = await client.chat.completions.create({ model, messages: [user("one STOP two")], stop: ["STOP"] });
    expect(stopped.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: "one " } });
    const short = await client.chat.completions.create({
      model,
      messages: [user("count 9")],
      max_completion_tokens: 3,
    });
    expect(short.choices[0]).toMatchObject({ finish_reason: "length", message: { content: "1 2 3" } });
  });

  it("keeps every letter of every script", async () => {
    const text = 'héllo "wörld" \\ 你好 👩‍👩‍👧 \u2028 tab\tend';
    const stream = await client.chat.completions.create({ model, messages: [user(text)], stream: true });
    expect(textOf(await collect(stream))).toBe(text);
  });

  it("ends when the client aborts", async () => {
    world[provider].script({ between_ms: 50 });
    const stream = await client.chat.completions.create({ model, messages: [user("count 200")], stream: true });
    let seen = 0;
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) seen += 1;
      if (seen === 3) stream.controller.abort();
    }
    expect(seen).toBeLessThan(10);
    await expect.poll(() => world[provider].log()[0]?.end, { timeout: 2000 }).toBe("aborted");
  });
});

describe("reasoning", () => {
  it.each([
    ["claude", "claude-sonnet-4-5"],
    ["claude-new", "claude-opus-5-5"],
  ])("of %s is shown as reasoning_content and counted", async (model, served) => {
    const request = {
      model,
      messages: [user("why is the sky blue")],
      reasoning_effort: "low" as const,
      max_tokens: 4000,
    };
    const { data, response } = await client.chat.completions.create(request).withResponse();
    expect(data.choices[0]?.message).toMatchObject({
      content: "why is the sky blue",
      reasoning_content: "The user wants: why is the sky blue",
    });
    expect(data.usage?.completion_tokens_details?.reasoning_tokens).toBe(8);
    const record = await world.gateway.record(response.headers.get("x-request-id"));
    expect(record).toMatchObject({ served_model: served, usage: { reasoning_tokens: 8, completion_tokens: 13 } });
  });

  it("streams before the answer", async () => {
    const stream = await client.chat.completions.create({
      model: "claude",
      messages: [user("why")],
      reasoning_effort: "low",
      stream: true,
    });
    const deltas = (await collect(stream)).map((chunk) => chunk.choices[0]?.delta as { reasoning_content?: string });
    expect(deltas.map((delta) => delta?.reasoning_content ?? "").join("")).toBe("The user wants: why");
  });
});
