/**
 * Answers on their way: each event goes by itself, at the pace of who reads; and what ends them early, the process that is told
 * to stop or the client that leaves.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "undici";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { CLIENT_KEY, ControlStandIn } from "../../shared/vectors/control.ts";
import { Host } from "../src/relay/host.ts";
import { Relay } from "../src/relay/relay.ts";
import { TICKET_HEADER } from "../src/relay/tickets.ts";

const target = { name: "openai", kind: "openai", baseUrl: "https://api.openai.com/v1", model: "demo" };
const standIn = new ControlStandIn({ targets: [{ ...target, credential: "x", options: {} }], unsupported: "drop" });
const control = createServer(async (message, answer) => {
  const told = standIn.answer(await whole(message));
  if (told !== null) answer.end(told);
});
/** The provider's side of the call under way. */
let provider: ServerResponse;
let called = Promise.withResolvers<void>();
const upstream = createServer(async (call, answer) => {
  await whole(call);
  provider = answer;
  called.resolve();
});
let host: Host;
let relay: Relay;
let port: number;

beforeAll(async () => {
  const pool = new Pool(`http://127.0.0.1:${await listen(upstream)}`, { allowH2: false });
  const providers = { of: () => pool, keepOnly: () => {}, stop: () => pool.destroy() };
  const controlUrl = `http://127.0.0.1:${await listen(control)}`;
  host = new Host({ controlUrl, token: "t", node: "kong", log: () => {}, providers });
  relay = new Relay(host);
  port = await relay.listen("127.0.0.1", 0);
});
afterAll(async () => {
  relay.cut();
  relay.close();
  await host.stop();
  for (const server of [control, upstream]) {
    server.closeAllConnections();
    server.close();
  }
});
beforeEach(() => {
  called = Promise.withResolvers();
  standIn.records.length = 0;
});

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function whole(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** A streamed chat, whose provider has got it. */
async function begin() {
  const call = request({
    ...{ host: "127.0.0.1", port, path: "/v1/chat/completions", method: "POST", agent: false },
    headers: { authorization: `Bearer ${CLIENT_KEY}`, [TICKET_HEADER]: host.tickets.issue(host.clock()) },
  });
  call.on("error", () => {});
  const answered = once(call, "response").then(([answer]) => answer as IncomingMessage);
  answered.catch(() => {});
  call.end(JSON.stringify({ model: "demo", stream: true, messages: [{ role: "user", content: "hi" }] }));
  await called.promise;
  return { call, answered };
}

const event = (content: string) =>
  `data: ${JSON.stringify({ object: "chat.completion.chunk", choices: [{ index: 0, delta: { content } }] })}\n\n`;

function say(text: string): void {
  if (!provider.headersSent) provider.writeHead(200, { "content-type": "text/event-stream" });
  provider.write(text);
}

/** 256 MiB of events. */
const MOST_WRITTEN = 4096;

/** Whether what was written goes on within a time in which it does unless the reader stops. */
function drains(stream: ServerResponse): Promise<boolean> {
  return once(stream, "drain", { signal: AbortSignal.timeout(500) }).then(
    () => true,
    () => false,
  );
}

const recorded = (outcome: string) =>
  vi.waitFor(() => expect(standIn.records).toMatchObject([{ outcome }]), { timeout: 5000 });

describe("when the process is told to stop", () => {
  it("a stream gets an error event and its end, and is recorded as truncated", async () => {
    const { answered } = await begin();
    say(event("one"));
    const answer = await answered;
    const gone = once(provider, "close");
    for (const call of [...host.calls]) call.breakOff();
    const text = (await whole(answer)).toString();
    expect(text).toContain('"one"');
    expect(text).toMatch(/data: \{"error":\{"message":"The gateway was restarted[^\n]*\n\n$/);
    expect(text).not.toContain("[DONE]");
    await gone;
    await recorded("truncated");
    expect(host.calls.size).toBe(0);
  });

  it("a call without an answer yet gets 503", async () => {
    const { answered } = await begin();
    const gone = once(provider, "close");
    for (const call of [...host.calls]) call.breakOff();
    const answer = await answered;
    expect(answer.statusCode).toBe(503);
    expect(JSON.parse((await whole(answer)).toString())).toMatchObject({ error: { code: "gateway_restarting" } });
    await gone;
    await recorded("provider_error");
  });
});

it("an event goes when it has come: the client has each before the provider says the next", async () => {
  const { answered } = await begin();
  say(event("first"));
  const answer = await answered;
  await once(answer, "data");
  for (let number = 0; number < 100; number++) {
    const next = once(answer, "data", { signal: AbortSignal.timeout(5000) });
    say(event(`${number}`));
    expect(`${(await next)[0]}`).toBe(event(`${number}`));
  }
  say("data: [DONE]\n\n");
  expect((await whole(answer)).toString()).toBe("data: [DONE]\n\n");
  await recorded("ok");
});

it.each([true, false])(
  "a client that leaves stops its provider at once, and is recorded so (answered: %s)",
  async (begun) => {
    const { call, answered } = await begin();
    if (begun) {
      say(event("one"));
      (await answered).resume();
    }
    const gone = once(provider, "close", { signal: AbortSignal.timeout(1000) });
    call.destroy();
    await gone;
    await recorded("client_closed");
  },
);

it("a client that reads slowly holds its provider back, and gets every event", async () => {
  const { answered } = await begin();
  const piece = event("x".repeat(64 * 1024));
  say(piece);
  const answer = await answered;
  // Nobody reads: what is written must end up in buffers of a bounded size, most of it the sockets' own.
  let written = 1;
  let held = false;
  while (!held && written < MOST_WRITTEN) {
    written++;
    if (!provider.write(piece)) held = !(await drains(provider));
  }
  expect(held).toBe(true);
  say("data: [DONE]\n\n");
  provider.end();
  const text = (await whole(answer)).toString();
  expect(text.split("\n\n").length - 2).toBe(written);
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  await recorded("ok");
});
