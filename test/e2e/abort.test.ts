/** A client that leaves stops the upstream call at once, and pays for what was produced. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { contentOf } from "./http.ts";
import { chat, KEYS, startWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

const CHAT = "/chat/completions";

describe.each([
  { model: "solo", provider: "primary" },
  { model: "claude", provider: "claude" },
] as const)("leaving $provider", ({ model, provider }) => {
  it("in the middle of a stream", async () => {
    world[provider].script({ between_ms: 50 });
    const body = chat(model, "count 200", { stream: true });
    const stream = await world.gateway.stream(CHAT, KEYS.main, body);
    let seen = 0;
    for await (const event of stream.events) {
      if (contentOf([event]) !== "") seen += 1;
      if (seen === 5) break;
    }
    stream.leave();
    const left = Date.now();
    await expect.poll(() => world[provider].log()[0]?.end, { timeout: 1500 }).toBe("aborted");
    expect((world[provider].log()[0]?.ended_at_ms ?? Number.POSITIVE_INFINITY) - left).toBeLessThan(1000);
    const record = await world.gateway.record(stream.headers["x-request-id"]);
    expect(record).toMatchObject({ outcome: "client_closed", provider });
    expect(["estimate", "tokenizer"]).toContain(record.usage_source);
    expect(record.usage.prompt_tokens).toBeGreaterThan(0);
    expect(record.usage.completion_tokens).toBeGreaterThanOrEqual(1);
    expect(record.usage.completion_tokens).toBeLessThan(60);
  });

  it.each([false, true])("before any answer (stream: %s)", async (stream) => {
    world[provider].script({ silence: true });
    const gone = new AbortController();
    const before = new Date(Date.now() - 1).toISOString();
    const answer = world.gateway.send(CHAT, KEYS.main, chat(model, "hi", { stream }), { signal: gone.signal });
    await expect.poll(() => world[provider].log().length, { timeout: 5000 }).toBe(1);
    gone.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => world[provider].log()[0]?.end, { timeout: 1500 }).toBe("aborted");
    const closed = () => world.gateway.records({ outcome: "client_closed", from: before });
    await expect.poll(async () => (await closed()).length, { timeout: 5000 }).toBe(1);
    expect((await closed())[0]).toMatchObject({ requested_model: model, attempts: [{ provider }] });
    // Only one attempt: nobody is left to fail over for.
    expect(world[provider].log()).toHaveLength(1);
  });

  it("in the middle of the request leaves nothing", async () => {
    const gone = new AbortController();
    const body = Buffer.from(JSON.stringify(chat(model, "hi")));
    const headers = { "content-length": String(body.length + 1000) };
    const answer = world.gateway.send(CHAT, KEYS.main, body, { headers, signal: gone.signal });
    setTimeout(() => gone.abort(), 200);
    await expect(answer).rejects.toThrow();
    expect((await world.gateway.send(CHAT, KEYS.main, chat(model, "still there"))).status).toBe(200);
    expect(world[provider].log()).toHaveLength(1);
  });
});

it("many clients that leave at any moment: one record each, and the gateway goes on", async () => {
  world.primary.script({ between_ms: 5, times: 0 });
  const from = new Date().toISOString();
  const ids = await Promise.all(Array.from({ length: 60 }, (_, index) => leaveAfter(index)));
  expect(new Set(ids).size).toBe(60);
  await expect
    .poll(async () => (await world.gateway.records({ from })).map((record) => record.operation_id).sort(), {
      timeout: 10_000,
    })
    .toEqual(ids.sort());
  expect((await world.gateway.send(CHAT, KEYS.main, chat("claude", "still there"))).status).toBe(200);
});

async function leaveAfter(events: number): Promise<string> {
  const stream = await world.gateway.stream(CHAT, KEYS.main, chat("solo", "count 40", { stream: true }));
  let seen = 0;
  for await (const _ of stream.events) {
    seen += 1;
    if (seen > events) break;
  }
  stream.leave();
  return String(stream.headers["x-request-id"]);
}
