/** What only a real Kong can show: the stand-in of the other cases is made after what one said, but is none. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { contentOf, dataOf } from "./http.ts";
import { chat, KEYS, startWorld, type World } from "./world.ts";

const KONG = process.env.KONG_BIN ?? "";
const MISSING = "KONG_BIN does not name a real Kong's program";
const CHAT = "/chat/completions";

describe(`a real Kong${KONG === "" ? ` (skipped: ${MISSING})` : ""}`, () => {
  let world: World;
  beforeAll(async () => {
    if (KONG !== "") world = await startWorld();
  });
  afterAll(() => world?.stop());
  beforeEach((context) => {
    if (KONG === "") return context.skip(MISSING);
    world.reset();
  });

  it("serves a chat, with its own headers on it", async () => {
    const answer = await world.gateway.send(CHAT, KEYS.main, chat("claude", "hello"));
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
    expect(JSON.parse(answer.text)).toMatchObject({ choices: [{ message: { content: "hello" } }] });
    // The stand-in does not measure.
    expect(answer.headers).toHaveProperty("x-kong-upstream-latency");
    expect(await world.gateway.record(answer.headers["x-request-id"])).toMatchObject({ outcome: "ok" });
  });

  it("refuses a wrong key in the shape of OpenAI, and sends nothing", async () => {
    const answer = await world.gateway.send(CHAT, "sk-nobody-has-seen-this-key-yet", chat("solo", "hi"));
    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: "invalid_api_key" } });
    expect(world.primary.log()).toEqual([]);
  });

  it("passes a stream on event by event", async () => {
    world.primary.script({ between_ms: 60 });
    const stream = await world.gateway.stream(CHAT, KEYS.main, chat("solo", "count 20", { stream: true }));
    const lags: number[] = [];
    for await (const event of stream.events) {
      const content = Number(contentOf([event]));
      if (content > 0) lags.push((world.primary.log()[0]?.events ?? 0) - 1 - content);
    }
    expect(lags).toHaveLength(20);
    expect(lags.filter((lag) => lag >= 2)).toEqual([]);
  });

  it("tells the relay at once that a client has left", async () => {
    world.primary.script({ between_ms: 50 });
    const stream = await world.gateway.stream(CHAT, KEYS.main, chat("solo", "count 200", { stream: true }));
    for await (const event of stream.events) if (contentOf([event]) !== "") break;
    stream.leave();
    await expect.poll(() => world.primary.log()[0]?.end, { timeout: 1500 }).toBe("aborted");
    const record = await world.gateway.record(stream.headers["x-request-id"]);
    expect(record).toMatchObject({ outcome: "client_closed", provider: "primary" });
  });

  it("is reloaded under a stream, which comes to its end, and serves all the while", async () => {
    world.primary.script({ between_ms: 100 });
    const stream = await world.gateway.stream(CHAT, KEYS.main, chat("solo", "count 60", { stream: true }));
    const events: string[] = [];
    const ended = (async () => {
      for await (const event of stream.events) events.push(event);
    })();
    const reloaded = promisify(execFile)(KONG, ["reload", "-c", world.gateway.fileOf("kong-1.conf")]);
    let isReloaded = false;
    reloaded.finally(() => {
      isReloaded = true;
    });
    const statuses: number[] = [];
    do statuses.push((await world.gateway.send(CHAT, KEYS.main, chat("claude", "hi"))).status);
    while (!isReloaded || statuses.length < 50);
    await reloaded;
    expect(new Set(statuses)).toEqual(new Set([200]));
    await ended;
    expect(contentOf(events)).toContain("60");
    expect(dataOf(events).at(-1)).toBe("[DONE]");
  });
});
