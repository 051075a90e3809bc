/** A failing provider is skipped unnoticed: the client gets the next one's answer, once, and the record names both. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Behaviour } from "../upstream/script.ts";
import { contentOf, dataOf, eventsIn } from "./http.ts";
import { chat, KEYS, startWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({ timeouts: { first_token: "3s" } });
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

const CHAT = "/chat/completions";

/** Faults that show before any content, for a whole answer and for a stream. */
const FAULTS: [string, Behaviour][] = [
  ["503", { status: 503 }],
  ["500", { status: 500 }],
  ["429", { status: 429 }],
  ["408", { status: 408 }],
  ["409", { status: 409 }],
  ["401", { status: 401 }],
  ["402", { status: 402 }],
  ["403", { status: 403 }],
  ["529", { status: 529 }],
  ["HTML 502", { status: 502, text: "<html>bad gateway</html>" }],
  ["a reset before headers", { cut: { how: "reset", after_bytes: 0 }, framing: "length" }],
  ["silence", { silence: true }],
];

const STREAM_FAULTS: [string, Behaviour][] = [
  ["an error as its first event", { error_event: { after_events: 0, status: 503, message: "overloaded" } }],
  ["a stream that ends at once", { cut: { how: "end", after_events: 0 } }],
  ["a stream that is closed at once", { cut: { how: "close", after_events: 0 } }],
  ["a stream that is reset at once", { cut: { how: "reset", after_events: 0 } }],
  ["silence after its headers", { first_event_ms: 30_000 }],
  ["comments and then an end", { chunks: [": ping\n\n", ": ping\n\n"] }],
];

describe.each([
  { model: "pair", first: "primary", second: "secondary" },
  { model: "claude-pair", first: "claude", second: "secondary" },
  { model: "to-claude", first: "primary", second: "claude" },
] as const)("$first fails, $second answers:", ({ model, first, second }) => {
  it.each(FAULTS)("%s", async (_, behaviour) => {
    world[first].script(behaviour);
    const answer = await world.gateway.send(CHAT, KEYS.main, chat(model, "hello you"));
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({ choices: [{ message: { content: "hello you" } }] });
    await expectBothAttempts(answer.headers["x-request-id"]);
  });

  it.each([...FAULTS, ...STREAM_FAULTS])("%s (streamed)", async (_, behaviour) => {
    world[first].script(behaviour);
    const answer = await world.gateway.send(CHAT, KEYS.main, chat(model, "hello you", { stream: true }));
    expect(answer.status).toBe(200);
    const events = eventsIn(answer.text);
    expect(contentOf(events)).toBe("hello you");
    expect(dataOf(events).filter((data) => data === "[DONE]")).toHaveLength(1);
    expect(answer.text).not.toContain('"error"');
    await expectBothAttempts(answer.headers["x-request-id"]);
  });

  async function expectBothAttempts(operation: unknown): Promise<void> {
    expect(world[first].log()).toHaveLength(1);
    expect(world[second].log()).toHaveLength(1);
    const record = await world.gateway.record(operation);
    expect(record).toMatchObject({ outcome: "ok", provider: second, usage_source: "provider" });
    expect(record.attempts.map((attempt) => attempt.provider)).toEqual([first, second]);
    expect(record.attempts[0]?.error).not.toBeNull();
    expect(record.attempts[1]).toMatchObject({ status: 200, error: null });
    expect(record.usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 2 });
  }
});

describe("a provider that refuses connections", () => {
  it.each([false, true])("is skipped (stream: %s)", async (stream) => {
    const answer = await world.gateway.send(CHAT, KEYS.main, chat("refusing-pair", "hi", { stream }));
    expect(answer.status).toBe(200);
    expect(answer.text).toContain("hi");
    const record = await world.gateway.record(answer.headers["x-request-id"]);
    expect(record.attempts.map((attempt) => attempt.provider)).toEqual(["refusing", "secondary"]);
    expect(record.attempts[0]).toMatchObject({ status: null });
  });

  it("alone is a 502 or 503 in OpenAI's shape", async () => {
    const answer = await world.gateway.send(CHAT, KEYS.main, chat("refusing", "hi"));
    expect([502, 503]).toContain(answer.status);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { message: expect.any(String) as string } });
    expect(await world.gateway.record(answer.headers["x-request-id"])).toMatchObject({
      outcome: "provider_error",
      attempts: [{ provider: "refusing", status: null }],
    });
  });
});

describe("when all fail", () => {
  it("the client gets the last fault, and the record names every attempt", async () => {
    world.primary.script({ status: 503, times: 0 });
    world.secondary.script({ status: 500, times: 0 });
    const answer = await world.gateway.send(CHAT, KEYS.main, chat("pair", "hi"));
    expect(answer.status).toBeGreaterThanOrEqual(500);
    const record = await world.gateway.record(answer.headers["x-request-id"]);
    expect(record).toMatchObject({ outcome: "provider_error", usage_source: "none" });
    expect(record.attempts.length).toBeGreaterThanOrEqual(2);
    expect(record.attempts.length).toBeLessThanOrEqual(3); // one and two retries
    expect(new Set(record.attempts.map((attempt) => attempt.provider))).toEqual(new Set(["primary", "secondary"]));
  });

  it("silence of the only provider ends at first_token", async () => {
    world.primary.script({ silence: true });
    const start = performance.now();
    const answer = await world.gateway.send(CHAT, KEYS.main, chat("solo", "hi"));
    expect(answer.status).toBeGreaterThanOrEqual(502);
    expect(performance.now() - start).toBeLessThan(8000);
  });
});

it("keeps failing over under load", async () => {
  world.primary.script({ status: 503, times: 0 });
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) => world.gateway.send(CHAT, KEYS.main, chat("pair", `load ${index}`))),
  );
  expect(answers.filter((answer) => answer.status !== 200)).toEqual([]);
});
