/** Answers that take several calls of a provider: batches of embeddings, and images that are made as tasks. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startUpstream, type Upstream } from "../upstream/server.ts";
import { type Gateway, startGateway } from "./gateway.ts";

const KEY = "sk-e2e-further-000000000";
const TASK = "/api/v1/tasks/task-1";

/** A provider of tasks: each poll is answered with the next of these, the last one for ever. */
let states: (string | number)[];
/** When and how it was called. */
let calls: { at: number; line: string; authorization: string | undefined }[];
const tasks = createServer((request, response) => void serve(request, response));
let embedder: Upstream;
let fallback: Upstream;
let gateway: Gateway;

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  for await (const _ of request);
  const { method, url, headers } = request;
  calls.push({ at: Date.now(), line: `${method} ${url}`, authorization: headers.authorization });
  const state = method === "POST" ? "PENDING" : states.length > 1 ? states.shift() : states[0];
  if (typeof state === "number") return void request.socket.destroy();
  const results = state === "SUCCEEDED" ? [{ url: "https://images.example/1.png" }] : undefined;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ output: { task_id: "task-1", task_status: state, results } }));
}

beforeAll(async () => {
  await new Promise<void>((listening) => tasks.listen(0, "127.0.0.1", listening));
  embedder = await startUpstream({ keys: ["embedder-secret"] });
  fallback = await startUpstream({ keys: ["fallback-secret"] });
  const timeouts = { first_token: "1s", total: "8s" };
  const provider = (name: string, kind: string, base_url: string) => ({
    ...{ name, kind, base_url, timeouts },
    credentials: [`${name}-secret`],
  });
  const target = (name: string, model: string, priority = 0) => ({ provider: name, model, priority });
  const tasksUrl = `http://127.0.0.1:${(tasks.address() as AddressInfo).port}/api/v1`;
  gateway = await startGateway({
    config: {
      version: 1,
      providers: [
        provider("tasks", "dashscope", tasksUrl),
        provider("embedder", "dashscope", `${embedder.url}/api/v1`),
        provider("fallback", "openai", `${fallback.url}/v1`),
      ],
      models: [
        { name: "wan", targets: [target("tasks", "wan2.2-t2i-flash")], retries: 0 },
        { name: "vectors", targets: [target("embedder", "text-embedding-v4")], retries: 0 },
        {
          name: "safe-vectors",
          targets: [target("embedder", "text-embedding-v4"), target("fallback", "text-embedding-3-small", 1)],
        },
      ],
      projects: [{ name: "main", models: ["*"], keys: [{ name: "main", secret: KEY }] }],
    },
  });
});
afterAll(async () => {
  await gateway?.stop();
  tasks.closeAllConnections();
  tasks.close();
  await Promise.all([embedder?.stop(), fallback?.stop()]);
});
beforeEach(() => {
  states = ["SUCCEEDED"];
  calls = [];
  for (const upstream of [embedder, fallback]) {
    upstream.clearScript();
    upstream.clearLog();
  }
});

const recordOf = async (filter: object) => (await gateway.records({ ...filter }))[0];

describe("an image that is made as a task", () => {
  it("is asked for every second until it is there, however soon a chat would have to begin", async () => {
    states = ["PENDING", "RUNNING", "SUCCEEDED"];
    const began = Date.now();
    const image = await gateway.client(KEY).images.generate({ model: "wan", prompt: "a cat", size: "1024x1024" });
    expect(image.data).toEqual([{ url: "https://images.example/1.png" }]);
    expect(Date.now() - began).toBeGreaterThanOrEqual(3000);
    expect(calls.map(({ line }) => line)).toEqual([
      "POST /api/v1/services/aigc/text2image/image-synthesis",
      ...[`GET ${TASK}`, `GET ${TASK}`, `GET ${TASK}`],
    ]);
    for (const { authorization } of calls) expect(authorization).toBe("Bearer tasks-secret");
    for (const [index, { at }] of calls.slice(1).entries()) {
      expect(at - (calls[index]?.at ?? 0)).toBeGreaterThanOrEqual(980);
      expect(at - (calls[index]?.at ?? 0)).toBeLessThan(1500);
    }
  });

  it("is one attempt in the record", async () => {
    const answer = await gateway.send("/images/generations", KEY, { model: "wan", prompt: "a cat" });
    const record = await gateway.record(answer.headers["x-request-id"]);
    expect(record).toMatchObject({ outcome: "ok", usage: { images: 1 }, attempts: [{ status: 200, error: null }] });
    expect(record.latency_ms).toBeGreaterThanOrEqual(1000);
  });

  it("outlives a poll whose connection breaks", async () => {
    states = [0, "SUCCEEDED"];
    const answer = await gateway.send("/images/generations", KEY, { model: "wan", prompt: "a cat" });
    expect([answer.status, calls.length]).toEqual([200, 3]);
  });

  it("is asked for no longer once its client has left", async () => {
    states = ["RUNNING"];
    const gone = new AbortController();
    const before = new Date(Date.now() - 1).toISOString();
    const outgoing = { signal: gone.signal };
    const answer = gateway.send("/images/generations", KEY, { model: "wan", prompt: "a cat" }, outgoing);
    await expect.poll(() => calls.length, { timeout: 5000 }).toBe(3);
    gone.abort();
    await expect(answer).rejects.toThrow();
    const filter = { outcome: "client_closed", from: before };
    await expect.poll(() => recordOf(filter), { timeout: 5000 }).toMatchObject({ requested_model: "wan" });
    await new Promise((later) => setTimeout(later, 2500));
    expect(calls).toHaveLength(3);
    expect(await recordOf(filter)).toMatchObject({ attempts: [{ provider: "tasks" }] });
  });

  it("that never ends is given up after the provider's whole time", { timeout: 20_000 }, async () => {
    states = ["RUNNING"];
    const began = Date.now();
    const answer = await gateway.send("/images/generations", KEY, { model: "wan", prompt: "a cat" });
    expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([504, "provider_timeout"]);
    expect(Date.now() - began).toBeGreaterThanOrEqual(7900);
    expect(Date.now() - began).toBeLessThan(10_000);
    const { length } = calls;
    await new Promise((later) => setTimeout(later, 1500));
    expect(calls).toHaveLength(length);
    const record = await gateway.record(answer.headers["x-request-id"]);
    expect(record).toMatchObject({ outcome: "provider_error", attempts: [{ error: "timeout" }] });
  });
});

describe("embeddings in batches", () => {
  const input = Array.from({ length: 25 }, (_, index) => "x".repeat(index + 1));

  it("come joined, in order, in the encoding that the official SDK asks for", async () => {
    const { data, usage } = await gateway.client(KEY).embeddings.create({ model: "vectors", input });
    const { data: single } = await gateway.client(KEY).embeddings.create({ model: "vectors", input: input[16] ?? "" });
    expect(data.map(({ index }) => index)).toEqual([...input.keys()]);
    expect(data[16]?.embedding).toEqual(single[0]?.embedding);
    expect(new Set(data.map(({ embedding }) => JSON.stringify(embedding))).size).toBe(25);
    expect(usage.prompt_tokens).toBeGreaterThan(0);
    expect(embedder.log()).toHaveLength(4);
  });

  it("go to the next provider as a whole when one of them fails", async () => {
    embedder.script({}, { status: 503 });
    const answer = await gateway.send("/embeddings", KEY, { model: "safe-vectors", input });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text).data).toHaveLength(25);
    expect(fallback.log()).toHaveLength(1);
    const record = await gateway.record(answer.headers["x-request-id"]);
    expect(record.attempts).toMatchObject([
      { provider: "embedder", status: 503, error: "status 503" },
      { provider: "fallback", status: 200, error: null },
    ]);
  });

  it("that are few go to the next provider when one is silent as long as a chat may be", async () => {
    embedder.script({ silence: true });
    const began = Date.now();
    const answer = await gateway.send("/embeddings", KEY, { model: "safe-vectors", input: input.slice(0, 10) });
    expect(answer.status).toBe(200);
    expect(Date.now() - began).toBeGreaterThanOrEqual(1000);
    expect(Date.now() - began).toBeLessThan(3000);
    const record = await gateway.record(answer.headers["x-request-id"]);
    expect(record.attempts).toMatchObject([{ provider: "embedder", error: "timeout" }, { provider: "fallback" }]);
  });
});
