import { describe, expect, it } from "vitest";
import { chunksOf, probe } from "./probe.ts";

const AIGC = "/api/v1/services/aigc";
const TEXT = `${AIGC}/text-generation/generation`;
const MULTIMODAL = `${AIGC}/multimodal-generation/generation`;
const EMBEDDINGS = "/api/v1/services/embeddings/text-embedding/text-embedding";
const TASKS = `${AIGC}/text2image/image-synthesis`;
const COMPATIBLE = "/compatible-mode/v1";
const SSE = { "x-dashscope-sse": "enable" };
const ASYNC = { "x-dashscope-async": "enable" };
const test = probe({ keys: ["k"], context: 20 }, { authorization: "Bearer k" });
const { ask, text } = test;

const chat = (content: unknown, parameters: object = {}, model = "qwen-plus") => ({
  model,
  input: { messages: [{ role: "user", content }] },
  parameters: { result_format: "message", ...parameters },
});
const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];

interface Said {
  output: { choices: { finish_reason: string; message: { content: string; tool_calls?: unknown[] } }[] };
}

describe("DashScope dialect", () => {
  it("answers whole, in a message or as text", async () => {
    expect(await ask(TEXT, chat("hello there"))).toMatchObject({
      json: {
        output: { choices: [{ finish_reason: "stop", message: { content: "hello there" } }] },
        usage: { input_tokens: 2, output_tokens: 2, total_tokens: 4 },
      },
    });
    expect(await ask(TEXT, chat("hi", { result_format: "text" }))).toMatchObject({ json: { output: { text: "hi" } } });
  });

  it("streams increments, or all so far; nothing ends but the last", async () => {
    const said = async (incremental_output: boolean) =>
      chunksOf(await text(TEXT, chat("a b c", { incremental_output }), SSE)).map(
        (chunk) => (chunk as unknown as Said).output.choices[0],
      );
    const increments = await said(true);
    expect(increments.map((choice) => choice?.message.content)).toEqual(["a", " b", " c", ""]);
    expect(increments.map((choice) => choice?.finish_reason)).toEqual(["null", "null", "null", "stop"]);
    expect((await said(false)).map((choice) => choice?.message.content)).toEqual(["a", "a b", "a b c", "a b c"]);
  });

  it("writes events in its own way", async () => {
    const said = await text(TEXT, chat("a", { incremental_output: true }), SSE);
    expect(said).toMatch(/^id:1\nevent:result\n:HTTP_STATUS\/200\ndata:\{/);
    expect(said).not.toContain("[DONE]");
  });

  it("streams the arguments of calls, ids and names first", async () => {
    const body = chat('call f {"x": 1}', { tools, incremental_output: true });
    const calls = chunksOf(await text(TEXT, body, SSE)).flatMap(
      (chunk) => (chunk as unknown as Said).output.choices[0]?.message.tool_calls ?? [],
    );
    expect(calls).toMatchObject([
      { index: 0, id: "call_1", function: { name: "f", arguments: "" } },
      { index: 0, id: "", function: { name: "", arguments: '{"x":' } },
      { index: 0, id: "", function: { name: "", arguments: " 1}" } },
    ]);
    const whole = chunksOf(await text(TEXT, chat('call f {"x": 1}', { tools }), SSE)).at(-1);
    expect(whole).toMatchObject({
      output: { choices: [{ message: { tool_calls: [{ function: { arguments: '{"x": 1}' } }] } }] },
    });
  });

  it("sees images in parts without types", async () => {
    const body = chat([{ image: "data:image/png;base64,AAAA" }, { text: "see" }], {}, "qwen3-vl-plus");
    expect(await ask(MULTIMODAL, body)).toMatchObject({
      json: { output: { choices: [{ message: { content: [{ text: "see [image image/png 3 bytes]" }] } }] } },
    });
  });

  it("embeds few texts a call, and tells their places", async () => {
    const body = (count: number) => ({ model: "text-embedding-v4", input: { texts: Array(count).fill("ab") } });
    expect(await ask(EMBEDDINGS, body(2))).toMatchObject({
      json: { output: { embeddings: [{ text_index: 1 }, { text_index: 0 }] }, usage: { total_tokens: 2 } },
    });
    expect(JSON.stringify(await ask(EMBEDDINGS, body(11)))).toContain("should not be larger than 10");
  });

  it("makes images at once", async () => {
    const body = chat([{ text: "a cat" }], { size: "1328*1328", n: 2 }, "qwen-image-2.0");
    expect(await ask(MULTIMODAL, body)).toMatchObject({
      json: {
        output: { choices: [{ message: { content: [{ image: expect.stringMatching(/^https:/) }] } }, {}] },
        usage: { image_count: 2 },
      },
    });
  });

  it("edits images, of the models that do", async () => {
    const parts = [{ image: "data:image/png;base64,AAAA" }, { text: "a hat" }];
    expect(await ask(MULTIMODAL, chat(parts, { n: 2 }, "qwen-image-edit-plus"))).toMatchObject({
      json: {
        output: {
          choices: [
            { message: { content: [{ image: expect.stringContaining("a%20hat%20image%20image%2Fpng") }] } },
            {},
          ],
        },
      },
    });
    expect(await ask(MULTIMODAL, chat(parts, {}, "qwen-image-max"))).toMatchObject({ status: 400 });
    expect(await ask(MULTIMODAL, chat([{ text: "a hat" }], {}, "qwen-image-edit"))).toMatchObject({ status: 400 });
  });

  it("makes images as a task that is asked for until it is done", async () => {
    const body = { model: "wanx2.1-t2i-turbo", input: { prompt: "a cat, fail one" }, parameters: { n: 2 } };
    expect(await ask(TASKS, body)).toMatchObject({ status: 403, json: { code: "AccessDenied" } });
    const { json } = await ask(TASKS, body, ASYNC);
    const { output } = json as { output: { task_id: string; task_status: string } };
    expect(output.task_status).toBe("PENDING");
    const poll = async () => {
      const headers = { authorization: "Bearer k" };
      return (await fetch(`${test.upstream.url}/api/v1/tasks/${output.task_id}`, { headers })).json();
    };
    expect(await poll()).toMatchObject({ output: { task_status: "RUNNING" } });
    expect(await poll()).toMatchObject({
      output: {
        task_status: "SUCCEEDED",
        results: [{ url: expect.stringMatching(/^https:/) }, { code: "DataInspectionFailed" }],
      },
      usage: { image_count: 1 },
    });
  });

  it("makes them of messages at the newer path", async () => {
    const body = chat([{ text: "a cat" }], {}, "wan2.6-t2i");
    const { json } = await ask(`${AIGC}/image-generation/generation`, body, ASYNC);
    const { task_id } = (json as { output: { task_id: string } }).output;
    const task = `${test.upstream.url}/api/v1/tasks/${task_id}`;
    await fetch(task, { headers: { authorization: "Bearer k" } });
    const done = await fetch(task, { headers: { authorization: "Bearer k" } });
    expect(await done.json()).toMatchObject({
      output: { task_status: "SUCCEEDED", choices: [{ finish_reason: "stop" }] },
    });
    expect((await ask(TASKS, body, ASYNC)).status).toBe(400);
  });

  it.each([
    [
      "two images of a model that makes one",
      MULTIMODAL,
      chat([{ text: "x" }], { n: 2 }, "qwen-image-max"),
      "InvalidParameter",
      "[1, 1]",
    ],
    ["a text model on the other path", MULTIMODAL, chat([{ text: "x" }]), "InvalidParameter", "url error"],
    ["the reverse", TEXT, chat("x", {}, "qwen-vl-max"), "InvalidParameter", "url error"],
    ["parts for text models", TEXT, chat([{ text: "x" }]), "InvalidParameter", "valid string"],
    ["typed parts", MULTIMODAL, chat([{ type: "text", text: "x" }], {}, "qwen-vl-max"), "InvalidParameter", "modal"],
    ["top_p of 1", TEXT, chat("x", { top_p: 1 }), "InvalidParameter", "(0.0, 1.0)"],
    ["forced tools", TEXT, chat("x", { tools, tool_choice: "required" }), "InvalidParameter", "set to required"],
    [
      "sizes with an x",
      MULTIMODAL,
      chat([{ text: "x" }], { size: "1x1" }, "qwen-image-max"),
      "InvalidParameter",
      "size",
    ],
    [
      "thinking without a stream",
      TEXT,
      chat("x", { enable_thinking: true }, "qwen3-8b"),
      "InvalidParameter",
      "non-streaming",
    ],
    ["a long prompt", TEXT, chat("word ".repeat(21)), "InvalidParameter", "Range of input length should be [1, 20]"],
  ])("refuses %s", async (_, path, body, code, message) => {
    const answer = await ask(path, body);
    expect(answer).toMatchObject({ status: 400, json: { code, request_id: expect.stringMatching(/./) } });
    expect((answer.json as { message: string }).message).toContain(message);
  });

  it("refuses a stream by an event, with the status in its head", async () => {
    const answer = await test.post(TEXT, chat("x", { n: 9 }), SSE);
    expect(answer.status).toBe(400);
    expect(await answer.text()).toMatch(/^id:1\nevent:error\n:HTTP_STATUS\/400\ndata:\{"code":"InvalidParameter"/);
  });

  it("wants its key", async () => {
    expect(await ask(TEXT, chat("x"), { authorization: "Bearer x" })).toMatchObject({
      status: 401,
      json: { code: "InvalidApiKey" },
    });
  });
});

describe("DashScope's compatible mode", () => {
  const hello = { model: "qwen-plus", messages: [{ role: "user", content: "hello there" }] };
  const path = `${COMPATIBLE}/chat/completions`;

  it("answers and streams in OpenAI's shape", async () => {
    expect(await ask(path, hello)).toMatchObject({ json: { object: "chat.completion", usage: { total_tokens: 4 } } });
    const said = await text(path, { ...hello, stream: true, enable_thinking: true });
    expect(said).toContain("reasoning_content");
    expect(said).toMatch(/data: \[DONE\]\n\n$/);
  });

  it.each([
    ["thinking without a stream", path, { ...hello, model: "qwen3-8b", enable_thinking: true }, "non-streaming"],
    ["forced tools", path, { ...hello, tools, tool_choice: "required" }, "set to required"],
    [
      "many texts",
      `${COMPATIBLE}/embeddings`,
      { model: "text-embedding-v4", input: Array(11).fill("a") },
      "larger than 10",
    ],
  ])("refuses %s", async (_, at, body, message) => {
    const answer = await ask(at, body);
    expect(answer).toMatchObject({
      status: 400,
      json: { error: { code: "invalid_parameter_error" }, request_id: expect.stringMatching(/./) },
    });
    expect(JSON.stringify(answer.json)).toContain(message);
  });
});
