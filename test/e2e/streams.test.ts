/** Streams on the wire: passed on event by event, whatever their spelling, and never shown whole when they were cut. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Behaviour } from "../upstream/script.ts";
import type { Upstream } from "../upstream/server.ts";
import { contentOf, dataOf, eventsIn, send } from "./http.ts";
import { memoryOf } from "./processes.ts";
import { CREDENTIALS, chat, KEYS, startWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({ timeouts: { idle: "3s" } });
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

const CHAT = "/chat/completions";
const BOTH = [
  { model: "solo", provider: "primary" },
  { model: "claude", provider: "claude" },
] as const;

/**
 * A stream that breaks: what was read until its end. Once the error event is there the connection may be closed without
 * a proper end; before it, that throws.
 */
async function broken(model: string, text: string): Promise<{ status: number; events: string[]; id: unknown }> {
  const stream = await world.gateway.stream(CHAT, KEYS.main, chat(model, text, { stream: true }));
  const events: string[] = [];
  try {
    for await (const event of stream.events) events.push(event);
  } catch (problem) {
    if (!events.at(-1)?.includes('"error"')) throw problem;
  }
  return { status: stream.status, events, id: stream.headers["x-request-id"] };
}

async function streamed(model: string, text: string): Promise<{ status: number; events: string[]; id: unknown }> {
  const answer = await world.gateway.send(CHAT, KEYS.main, chat(model, text, { stream: true }));
  const events = eventsIn(answer.text);
  return { status: answer.status, events, id: answer.headers["x-request-id"] };
}

describe.each(BOTH)("a stream of $provider that breaks in the middle", ({ model, provider }) => {
  const breaks: [string, Behaviour][] = [
    ["ends cleanly without its end mark", { cut: { how: "end", after_events: 6 } }],
    ["is closed", { cut: { how: "close", after_events: 6 } }],
    ["is closed inside an event", { cut: { how: "close", after_bytes: 1200 } }],
    ["is reset", { cut: { how: "reset", after_events: 6 } }],
    ["turns into an error event", { error_event: { after_events: 6, message: "engine fell over" } }],
  ];

  it.each(breaks)("%s: error event, no [DONE], truncated", async (_, behaviour) => {
    world[provider].script(behaviour);
    await expectTruncated(await broken(model, "count 40"));
  });

  it("falls silent for longer than idle: error event, no [DONE], truncated", async () => {
    const events = await spoken(world[provider], provider, "count 40");
    world[provider].script({ chunks: [events.slice(0, 6).join(""), events.slice(6).join("")], between_ms: 10_000 });
    const start = performance.now();
    await expectTruncated(await broken(model, "count 40"));
    expect(performance.now() - start).toBeLessThan(8000);
  });

  async function expectTruncated(answer: { status: number; events: string[]; id: unknown }): Promise<void> {
    expect(answer.status).toBe(200);
    const data = dataOf(answer.events);
    expect(data).not.toContain("[DONE]");
    const last = JSON.parse(data.at(-1) ?? "null") as { error?: { message: string; type: string } };
    expect(Object.keys(last.error ?? {}).sort()).toEqual(["code", "message", "param", "type"]);
    expect(data.filter((entry) => entry.includes('"error"'))).toHaveLength(1);
    expect(data.some((entry) => /"finish_reason":"/.test(entry))).toBe(false);
    const record = await world.gateway.record(answer.id);
    expect(record).toMatchObject({ outcome: "truncated", provider });
    expect(record.attempts).toHaveLength(1);
    expect(record.usage.completion_tokens).toBeGreaterThan(0);
  }
});

/** The provider's own events for a prompt, to be bent and played back. */
async function spoken(upstream: Upstream, provider: keyof typeof CREDENTIALS, text: string): Promise<string[]> {
  const key = CREDENTIALS[provider];
  const body = chat("claude-sonnet-4-5", text, { stream: true });
  const answer =
    provider === "claude"
      ? await send(`${upstream.url}/v1/messages`, {
          headers: { "x-api-key": key, "anthropic-version": "2023-06-01" },
          body: { ...body, max_tokens: 1000 },
        })
      : await send(`${upstream.url}/v1/chat/completions`, {
          headers: { authorization: `Bearer ${key}` },
          body: { ...body, stream_options: { include_usage: true } },
        });
  upstream.clearLog();
  return answer.text.split(/(?<=\n\n)/);
}

describe("the SDK", () => {
  it.each(["close", "reset"] as const)("throws what the gateway says of a stream that is cut (%s)", async (how) => {
    world.primary.script({ cut: { how, after_events: 6 } });
    const stream = await world.gateway
      .client(KEYS.main)
      .chat.completions.create({ model: "solo", messages: [{ role: "user", content: "count 40" }], stream: true });
    const read = async () => {
      for await (const chunk of stream) expect(chunk.choices[0]?.finish_reason ?? null).toBeNull();
    };
    await expect(read()).rejects.toMatchObject({ code: "provider_error" });
  });
});

describe.each(BOTH)("the spelling of $provider's events does not matter:", ({ model, provider }) => {
  const TEXT = "héllo 你好 👩‍👩‍👧 wörld";
  const spellings: [string, (events: string[]) => Behaviour][] = [
    ["CRLF", (events) => ({ chunks: events.map((event) => event.replaceAll("\n", "\r\n")) })],
    ["CR", (events) => ({ chunks: events.map((event) => event.replaceAll("\n", "\r")) })],
    ["CRLF, byte by byte", (events) => ({ chunks: [events.join("").replaceAll("\n", "\r\n")], split_bytes: 1 })],
    ["no space after the colon", (events) => ({ chunks: events.map((event) => event.replaceAll("data: ", "data:")) })],
    ["a byte order mark", (events) => ({ chunks: [`\ufeff${events.join("")}`] })],
    ["comments", (events) => ({ chunks: events.flatMap((event) => [": ping\n\n", `: x\n${event}`]) })],
    ["ids and retries", (events) => ({ chunks: events.map((event) => `id: 1\nretry: 5\n${event}`) })],
    ["several data lines", (events) => ({ chunks: events.map((event) => event.replaceAll(',"', ',\ndata: "')) })],
    ["everything in one write", (events) => ({ chunks: [events.join("")] })],
    ["no blank line at the end", (events) => ({ chunks: [events.join("").trimEnd()] })],
  ];

  it.each(spellings)("%s", async (_, bend) => {
    world[provider].script(bend(await spoken(world[provider], provider, TEXT)));
    await expectWhole(await streamed(model, TEXT));
  });

  it.each([1, 2, 3, 5, 7, 64])("cut at every %i bytes", async (split_bytes) => {
    world[provider].script({ split_bytes });
    await expectWhole(await streamed(model, TEXT));
  });

  it("gzip that nobody asked for", async () => {
    world[provider].script({ gzip: true });
    await expectWhole(await streamed(model, TEXT));
  });

  it("events of 1 MiB", async () => {
    const long = "x".repeat(1024 * 1024);
    const answer = await streamed(model, long);
    expect(contentOf(answer.events)).toBe(long);
  });

  async function expectWhole(answer: { status: number; events: string[]; id: unknown }): Promise<void> {
    expect(answer.status).toBe(200);
    expect(contentOf(answer.events)).toBe(TEXT);
    expect(dataOf(answer.events).filter((data) => data === "[DONE]")).toHaveLength(1);
    const record = await world.gateway.record(answer.id);
    expect(record).toMatchObject({ outcome: "ok", usage_source: "provider", usage: { completion_tokens: 4 } });
  }
});

describe.each(BOTH)("paced events of $provider", ({ model, provider }) => {
  it("are passed on as they arrive", async () => {
    world[provider].script({ between_ms: 60 });
    const stream = await world.gateway.stream(CHAT, KEYS.main, chat(model, "count 20", { stream: true }));
    const lags: number[] = [];
    for await (const event of stream.events) {
      const content = Number(contentOf([event]));
      // The number that the event holds says which it is; the provider's log says which it has written last.
      const before = provider === "claude" ? 3 : 1;
      if (content > 0) lags.push((world[provider].log()[0]?.events ?? 0) - before - content);
    }
    expect(lags).toHaveLength(20);
    // An event behind at a time is a slow moment of this machine; several mean that events are collected.
    expect(lags.filter((lag) => lag >= 2)).toEqual([]);
  });

  it("do not let the client wait for the first", async () => {
    world[provider].script({ between_ms: 400 });
    const start = performance.now();
    const stream = await world.gateway.stream(CHAT, KEYS.main, chat(model, "count 5", { stream: true }));
    expect(stream.headers["content-type"]).toContain("text/event-stream");
    expect(performance.now() - start).toBeLessThan(1500);
    for await (const event of stream.events) if (contentOf([event]) === "1") break;
    expect(world[provider].log()[0]?.end).toBe("pending");
    stream.leave();
  });
});

describe.each(BOTH)("a flood from $provider", ({ model, provider }) => {
  it("of 50 MiB passes event by event, in bounded memory", async () => {
    const events = await spoken(world[provider], provider, "x".repeat(512 * 1024));
    const at = events.findIndex((event) => event.length > 512 * 1024);
    const start = memoryOf(world.gateway.pid);
    for (let time = 0; time < 2; time++) {
      const flood = Array.from({ length: 100 }, () => events[at] ?? "");
      world[provider].script({ chunks: [...events.slice(0, at), ...flood, ...events.slice(at + 1)] });
      const stream = await world.gateway.stream(CHAT, KEYS.main, chat(model, "flood", { stream: true }));
      let length = 0;
      let last = "";
      for await (const event of stream.events) {
        length += contentOf([event]).length;
        last = event;
      }
      expect(length).toBe(100 * 512 * 1024);
      expect(last).toBe("data: [DONE]");
    }
    expect(memoryOf(world.gateway.pid) - start).toBeLessThan(400);
  });
});

describe("stream and whole answers mixed up", () => {
  it("a whole answer to a stream request becomes a stream or an error, never noise", async () => {
    const whole = await send(`${world.primary.url}/v1/chat/completions`, {
      headers: { authorization: `Bearer ${CREDENTIALS.primary}` },
      body: chat("m", "hello"),
    });
    world.primary.script({ json: JSON.parse(whole.text) });
    const answer = await streamed("solo", "hello");
    if (answer.status === 200) {
      expect(contentOf(answer.events)).toBe("hello");
      expect(dataOf(answer.events).at(-1)).toBe("[DONE]");
    } else {
      expect(answer.status).toBe(502);
    }
  });
});
