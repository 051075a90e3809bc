/** What real servers, clients and the proxies between them do to the wire, beside the bytes of a body. */
import { connect } from "node:http2";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { GATEWAY_KIND } from "./gateway.ts";
import { contentOf, dataOf } from "./http.ts";
import { chat, KEYS, startWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.stop());
beforeEach(() => world.reset());

const CHAT = "/chat/completions";
const BOTH = [
  { model: "solo", provider: "primary" },
  { model: "claude", provider: "claude" },
] as const;

describe.each(BOTH)("a stream of $provider", ({ model, provider }) => {
  it.each(["chunked", "length"] as const)("tells proxies to hold nothing (framing: %s)", async (framing) => {
    world[provider].script({ framing, headers: { "cache-control": "max-age=60", "x-accel-buffering": "yes" } });
    const answer = await world.gateway.send(CHAT, KEYS.main, chat(model, "hello", { stream: true }));
    expect([answer.status, dataOf(answer.text.split("\n\n")).at(-1)]).toEqual([200, "[DONE]"]);
    expect(answer.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
    });
    expect(answer.headers).not.toHaveProperty("content-length");
  });

  it.each([
    ["in gzip, flushed event by event", { gzip: true }],
    ["under the label of JSON", { headers: { "content-type": "application/json" } }],
    ["under the label of text", { headers: { "content-type": "text/plain" } }],
  ])("%s, is passed on as it arrives", async (_, behaviour) => {
    world[provider].script({ ...behaviour, between_ms: 60 });
    const stream = await world.gateway.stream(CHAT, KEYS.main, chat(model, "count 20", { stream: true }));
    expect(stream.headers["content-type"]).toContain("text/event-stream");
    const lags: number[] = [];
    let text = "";
    for await (const event of stream.events) {
      const content = contentOf([event]);
      text += content;
      const before = provider === "claude" ? 3 : 1;
      if (Number(content) > 0) lags.push((world[provider].log()[0]?.events ?? 0) - before - Number(content));
    }
    expect(text).toBe(Array.from({ length: 20 }, (_, index) => index + 1).join(" "));
    // An event behind at a time is a slow moment of this machine; several mean that events are collected.
    expect(lags.filter((lag) => lag >= 2)).toEqual([]);
  });
});

describe.each(BOTH)("an answer of $provider", ({ model, provider }) => {
  it.each([
    ["whole, in gzip", false],
    ["streamed, in gzip that is cut", true],
  ])("%s", async (_, cut) => {
    world[provider].script({ gzip: true, ...(cut && { cut: { how: "end", after_bytes: 150 } }) });
    const answer = await world.gateway.send(CHAT, KEYS.main, chat(model, "hello", { stream: cut }));
    if (cut) expect(answer.text).not.toContain("[DONE]");
    else expect(JSON.parse(answer.text)).toMatchObject({ choices: [{ message: { content: "hello" } }] });
    const record = await world.gateway.record(answer.headers["x-request-id"]);
    expect(record.outcome).toBe(cut ? (answer.status === 200 ? "truncated" : "provider_error") : "ok");
  });

  it("without a body where there should be one is a failed attempt", async () => {
    world[provider].script({ status: 204, text: "" });
    const answer = await world.gateway.send(CHAT, KEYS.main, chat(model, "hello"));
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { type: "provider_error" } });
  });

  it("that is shorter than its length says is a failed attempt", async () => {
    world[provider].script({ framing: "length", cut: { how: "close", after_bytes: 40 } });
    const answer = await world.gateway.send(CHAT, KEYS.main, chat(model, "hello"));
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { type: "provider_error" } });
  });
});

const NOT_OURS =
  "HTTP/2 of clients is Kong's own: its proxy_listen says whether, and the relay gets HTTP/1.1 either way";

describe.each(["solo", "claude"])("a request over HTTP/2 to %s", (model) => {
  beforeEach((context) => {
    if (GATEWAY_KIND === "kong") context.skip(NOT_OURS);
  });

  it.each([false, true])("may end with trailers (stream: %s)", async (stream) => {
    const answer = await overHttp2(chat(model, "hello", { stream }), { "x-checksum": "1" });
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
    if (stream) expect(contentOf(answer.text.split("\n\n"))).toBe("hello");
    else expect(JSON.parse(answer.text)).toMatchObject({ choices: [{ message: { content: "hello" } }] });
  });
});

/** Sends a chat over HTTP/2 without TLS, its body in two parts, then trailers. */
function overHttp2(body: object, trailers: Record<string, string>): Promise<{ status: number; text: string }> {
  const session = connect(world.gateway.origin);
  const text = JSON.stringify(body);
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const call = session.request(
      {
        ":method": "POST",
        ":path": `/v1${CHAT}`,
        authorization: `Bearer ${KEYS.main}`,
        "content-type": "application/json",
      },
      { endStream: false, waitForTrailers: true },
    );
    const answer = { status: 0, text: "" };
    call.setEncoding("utf8");
    call.on("response", (headers) => {
      answer.status = headers[":status"] ?? 0;
    });
    call.on("data", (part: string) => {
      answer.text += part;
    });
    call.once("end", () => resolve(answer)).once("error", reject);
    session.once("error", reject);
    call.write(text.slice(0, 20));
    call.end(text.slice(20));
    call.once("wantTrailers", () => call.sendTrailers(trailers));
  }).finally(() => session.close());
}
