import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startUpstream, type Upstream } from "./server.ts";

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.stop());
beforeEach(() => {
  upstream.clearScript();
  upstream.clearLog();
});

const hello = { model: "m", messages: [{ role: "user", content: "hello there" }] };

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(upstream.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

describe("OpenAI dialect", () => {
  const client = () => new OpenAI({ apiKey: "any", baseURL: `${upstream.url}/base/v1`, maxRetries: 0 });

  it("echoes the last user text and counts words as tokens", async () => {
    const answer = await client().chat.completions.create({
      model: "m",
      messages: [{ role: "user", content: "a b c" }],
    });
    expect(answer.choices[0]?.message.content).toBe("a b c");
    expect(answer.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 });
    expect(upstream.log()).toMatchObject([{ path: "/base/v1/chat/completions", end: "complete", status: 200 }]);
  });

  it("streams one word an event and tells usage only when asked", async () => {
    const messages = [{ role: "user" as const, content: "a b c" }];
    const events = async (include_usage: boolean) => {
      const stream = await client().chat.completions.create({
        model: "m",
        messages,
        stream: true,
        ...(include_usage ? { stream_options: { include_usage } } : {}),
      });
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      return chunks;
    };
    const plain = await events(false);
    expect(plain.map((event) => event.choices[0]?.delta.content ?? "").join("")).toBe("a b c");
    expect(plain.every((event) => event.usage === undefined)).toBe(true);
    const counted = await events(true);
    expect(counted.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 6 } });
  });

  it("calls tools when told to, and reads results back", async () => {
    const tools = [{ type: "function" as const, function: { name: "f", parameters: {} } }];
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: 'call f {"x":1}\ncall f {"x":2}' }];
    const first = await client().chat.completions.create({ model: "m", messages, tools });
    const calls = first.choices[0]?.message.tool_calls ?? [];
    expect(calls.map((call) => call.type === "function" && call.function.arguments)).toEqual(['{"x":1}', '{"x":2}']);
    const said = first.choices[0]?.message;
    if (said === undefined) throw new Error("no choice");
    messages.push(said, ...calls.map((call, index) => result(call.id, `r${index}`)));
    const second = await client().chat.completions.create({ model: "m", messages, tools });
    expect(second.choices[0]?.message.content).toBe("The tools said: r0; r1");
  });

  function result(id: string, content: string): OpenAI.ChatCompletionToolMessageParam {
    return { role: "tool", tool_call_id: id, content };
  }

  it("answers embeddings in the encoding asked for", async () => {
    const answer = await client().embeddings.create({ model: "e", input: ["abc", "de"] });
    expect(answer.data.map((entry) => entry.embedding[0])).toEqual([3, 2]);
  });

  it("streams an image in named events without an end of their own", async () => {
    const text = await (
      await post("/v1/images/generations", { model: "gpt-image-1", prompt: "a cat", stream: true, partial_images: 1 })
    ).text();
    expect(text.match(/^event: .*$/gm)).toEqual([
      "event: image_generation.partial_image",
      "event: image_generation.completed",
    ]);
    expect(text).not.toContain("[DONE]");
  });

  it("edits images that come in a form", async () => {
    const image = new File([new Uint8Array(5)], "a.png", { type: "image/png" });
    const edit = { model: "gpt-image-1", prompt: "a hat" };
    const { data } = await client().images.edit({ ...edit, image, n: 2 });
    const said = data?.map((entry) => Buffer.from(entry.b64_json ?? "", "base64").toString());
    expect(said).toEqual(Array(2).fill("gpt-image-1: a hat [image image/png 5 bytes]"));
    const text = new File(["x"], "a.txt", { type: "text/plain" });
    await expect(client().images.edit({ ...edit, image: text })).rejects.toThrow("unsupported mimetype");
  });

  it.each([
    ["no model", { messages: hello.messages }, "you must provide a model parameter"],
    ["unknown field", { ...hello, topk: 1 }, "Unknown parameter: 'topk'."],
    ["unknown role", { model: "m", messages: [{ role: "robot", content: "x" }] }, "Invalid value: 'robot'"],
    ["stream_options without stream", { ...hello, stream_options: {} }, "only allowed when 'stream' is enabled"],
    ["unanswered tool call", { model: "m", messages: unanswered() }, "did not have response messages: c1"],
    ["max_tokens on a reasoning model", { ...hello, model: "gpt-5.4", max_tokens: 5 }, "'max_tokens' is not supported"],
    ["no JSON", "{", "We could not parse the JSON body"],
  ])("refuses %s", async (_, body, message) => {
    const answer = await post("/v1/chat/completions", body);
    expect(answer.status).toBe(400);
    const { error } = (await answer.json()) as { error: Record<string, string> };
    expect(Object.keys(error)).toEqual(["message", "type", "param", "code"]);
    expect(error.message).toContain(message);
  });

  function unanswered(): unknown[] {
    const call = { id: "c1", type: "function", function: { name: "f", arguments: "{}" } };
    return [{ role: "assistant", content: null, tool_calls: [call] }, ...hello.messages];
  }
});

describe("Anthropic dialect", () => {
  const version = { "anthropic-version": "2023-06-01" };
  const claude = { ...hello, model: "claude-sonnet-4-5", max_tokens: 100 };

  it("answers a message", async () => {
    const answer = await post("/v1/messages", claude, version);
    expect(await answer.json()).toMatchObject({
      type: "message",
      content: [{ type: "text", text: "hello there" }],
      stop_reason: "end_turn",
      usage: { input_tokens: 2, output_tokens: 2 },
    });
  });

  it("streams named events and no [DONE]", async () => {
    const text = await (await post("/v1/messages", { ...claude, stream: true }, version)).text();
    expect(text.match(/^event: .*$/gm)?.map((line) => line.slice(7))).toEqual([
      "message_start",
      "content_block_start",
      "ping",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    expect(text).not.toContain("[DONE]");
  });

  const use = { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "f", input: {} }] };
  const toolResult = { type: "tool_result", tool_use_id: "t1", content: "r" };
  const text = { type: "text", text: "x" };
  it.each([
    ["unknown fields", { ...claude, n: 1 }, "n: Extra inputs are not permitted"],
    [
      "unknown fields in a block",
      { ...claude, messages: [{ role: "user", content: [{ ...text, id: 1 }] }] },
      "Extra inputs",
    ],
    ["no max_tokens", { ...claude, max_tokens: undefined }, "max_tokens: Field required"],
    [
      "empty text",
      { ...claude, messages: [{ role: "user", content: [{ type: "text", text: "" }] }] },
      "must be non-empty",
    ],
    ["OpenAI's roles", { ...claude, messages: [{ role: "tool", content: "x" }] }, 'Unexpected role "tool"'],
    [
      "a call without result",
      { ...claude, messages: [...hello.messages, use, ...hello.messages] },
      "without `tool_result`",
    ],
    [
      "results after text",
      { ...claude, messages: [...hello.messages, use, { role: "user", content: [text, toolResult] }] },
      "without `tool_result`",
    ],
    [
      "a result without call",
      { ...claude, messages: [{ role: "user", content: [toolResult] }] },
      "unexpected `tool_use_id` found",
    ],
    ["both samplings", { ...claude, temperature: 1, top_p: 1 }, "cannot both be specified"],
    ["sampling on new models", { ...claude, model: "claude-opus-4-8", temperature: 1 }, "temperature: Extra inputs"],
    ["an e-mail as user", { ...claude, metadata: { user_id: "a@b.c" } }, "email address"],
  ])("refuses %s", async (_, body, message) => {
    const answer = await post("/v1/messages", body, version);
    expect(answer.status).toBe(400);
    const { error } = (await answer.json()) as { error: { type: string; message: string } };
    expect(error.type).toBe("invalid_request_error");
    expect(error.message).toContain(message);
  });

  it("wants its version header", async () => {
    expect((await post("/v1/messages", claude)).status).toBe(400);
  });
});

describe("script", () => {
  const chat = (body: object = {}) => post("/v1/chat/completions", { ...hello, ...body });
  const stream = { stream: true };

  it("serves each behaviour as often as told, to those it matches", async () => {
    upstream.script({ status: 503, match: { model: "bad" } }, { status: 429, headers: { "retry-after": "7" } });
    const first = await chat();
    expect([first.status, first.headers.get("retry-after")]).toEqual([429, "7"]);
    expect((await chat()).status).toBe(200);
    expect((await chat({ model: "bad" })).status).toBe(503);
    expect((await chat({ model: "bad" })).status).toBe(200);
  });

  it("refuses behaviours that do not exist", () => {
    expect(() => upstream.script({ delay: 1 } as never)).toThrow("no such behaviour: delay");
  });

  it("answers raw bodies", async () => {
    upstream.script({ status: 502, text: "<html>bad gateway</html>" });
    const answer = await chat();
    expect([answer.status, answer.headers.get("content-type")]).toEqual([502, "text/html"]);
    upstream.script({ chunks: ["data: {}\n\n", { base64: Buffer.from([0xff]).toString("base64") }], split_bytes: 3 });
    expect(Buffer.from(await (await chat()).arrayBuffer())).toEqual(Buffer.from("data: {}\n\n\xff", "latin1"));
  });

  it("breaks streams off in every way", async () => {
    const cut = async (behaviour: object) => {
      upstream.script({ cut: behaviour as { how: "end" } });
      return (await chat(stream)).text();
    };
    expect(await cut({ how: "end", after_events: -1 })).not.toContain("[DONE]");
    expect(await cut({ how: "end", after_bytes: 5 })).toBe("data:");
    await expect(cut({ how: "close", after_events: 2 })).rejects.toThrow();
    await expect(cut({ how: "reset", after_events: 2 })).rejects.toThrow();
    expect(upstream.log().map((entry) => entry.end)).toEqual(["cut", "cut", "cut", "cut"]);
  });

  it("ends a stream with an error event", async () => {
    upstream.script({ error_event: { after_events: 1, message: "boom" } });
    const events = (await (await chat(stream)).text()).split("\n\n").filter((event) => event !== "");
    expect(events).toHaveLength(2);
    expect(events[1]).toContain("boom");
  });

  it("paces events", async () => {
    upstream.script({ first_event_ms: 60, between_ms: 20 });
    const start = performance.now();
    await (await chat(stream)).text();
    expect(performance.now() - start).toBeGreaterThan(60 + 4 * 20);
  });

  it("compresses without being asked", async () => {
    for (const body of [{}, stream]) {
      upstream.script({ gzip: true });
      const answer = await chat(body);
      expect(answer.headers.get("content-encoding")).toBe("gzip");
      expect(await answer.text()).toContain("hello");
    }
  });

  it("notices a client that leaves while it is silent", async () => {
    upstream.script({ silence: true });
    const socket = connect(upstream.port, "127.0.0.1");
    const body = JSON.stringify(hello);
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await expect.poll(() => upstream.log().length).toBe(1);
    socket.destroy();
    await expect.poll(() => upstream.log()[0]?.end).toBe("aborted");
    expect(upstream.log()[0]?.usage).toBeNull();
  });
});

describe("process", () => {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));

  it("is scripted and asked over HTTP, and ends with the pipe that started it", async () => {
    const child = spawn(process.execPath, [main, "--key", "k1"], { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const url = `http://127.0.0.1:${(JSON.parse(line.toString()) as { port: number }).port}`;
    const send = (method: string, path: string, body?: unknown, key = "k1") =>
      fetch(url + path, { method, body: JSON.stringify(body), headers: { authorization: `Bearer ${key}` } });
    expect((await send("POST", "/_script", [{ status: 418, json: { tea: true } }])).status).toBe(200);
    expect((await send("POST", "/_script", [{ nonsense: 1 }])).status).toBe(400);
    expect((await send("POST", "/v1/chat/completions", hello)).status).toBe(418);
    expect((await send("POST", "/v1/chat/completions", hello)).status).toBe(200);
    expect((await send("POST", "/v1/chat/completions", hello, "k2")).status).toBe(401);
    expect(await (await fetch(`${url}/_log`)).json()).toHaveLength(3);
    const ended = once(child, "exit");
    child.stdin.end();
    expect((await ended)[0]).toBe(0);
  });
});
