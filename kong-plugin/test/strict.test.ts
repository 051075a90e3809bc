/** `accounting: strict`: no provider is asked before the operation is in store, and no answer ends before its record is. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { CLIENT_KEY, ControlStandIn } from "../../shared/vectors/control.ts";
import { Host } from "../src/relay/host.ts";
import { NO_JOURNAL } from "../src/relay/journal.ts";
import { Relay } from "../src/relay/relay.ts";
import { TICKET_HEADER } from "../src/relay/tickets.ts";

const target = { name: "openai", kind: "openai", baseUrl: "https://api.openai.com/v1", model: "demo" };
const standIn = new ControlStandIn({ targets: [{ ...target, credential: "x", options: {} }], unsupported: "drop" });
/** What the control service has in store, as far as it says so. */
let opens = true;
let stores = true;
let accounting = "strict";
const control = createServer(async (message, answer) => {
  const told = standIn.answer(await whole(message));
  if (told === null) return;
  const said = JSON.parse(told.toString());
  for (const key of said.keys) key.accounting = accounting;
  if (!stores) said.acknowledged = 0;
  if (opens) said.opened = true;
  answer.end(JSON.stringify(said));
});
let asked = 0;
const upstream = createServer(async (call, answer) => {
  const { stream } = JSON.parse((await whole(call)).toString()) as { stream?: boolean };
  asked++;
  answer.writeHead(200, { "content-type": stream ? "text/event-stream" : "application/json" });
  const choice = { index: 0, finish_reason: "stop" };
  if (stream) {
    answer.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "one" } }] })}\n\n`);
    answer.end(`data: ${JSON.stringify({ choices: [{ ...choice, delta: {} }] })}\n\ndata: [DONE]\n\n`);
  } else answer.end(JSON.stringify({ choices: [{ ...choice, message: { role: "assistant", content: "one" } }] }));
});
let host: Host;
let relay: Relay;
let port: number;
beforeAll(async () => {
  const pool = new Pool(`http://127.0.0.1:${await listen(upstream)}`, { allowH2: false });
  const providers = { of: () => pool, keepOnly: () => {}, stop: () => pool.destroy() };
  host = new Host({
    ...{ controlUrl: `http://127.0.0.1:${await listen(control)}`, token: "t", node: "kong" },
    ...{ log: () => {}, providers },
  });
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

/** The answer as it comes. */
function chat(stream: boolean) {
  const got = { text: "", ended: false };
  const call = request({
    ...{ host: "127.0.0.1", port, path: "/v1/chat/completions", method: "POST", agent: false },
    headers: { authorization: `Bearer ${CLIENT_KEY}`, [TICKET_HEADER]: host.tickets.issue(host.clock()) },
  });
  call.once("response", (answer: IncomingMessage) => {
    answer.on("data", (part: Buffer) => {
      got.text += part.toString();
    });
    answer.once("end", () => {
      got.ended = true;
    });
  });
  call.end(JSON.stringify({ model: "demo", stream, messages: [{ role: "user", content: "hi" }] }));
  return got;
}

it("asks no provider before the operation is in store", async () => {
  opens = false;
  const before = asked;
  const got = chat(false);
  await sleep(500);
  expect(asked).toBe(before);
  opens = true;
  await vi.waitFor(() => expect(got.ended).toBe(true), 3000);
  expect(asked).toBe(before + 1);
});

it.each([
  [true, "[DONE]", '"one"'],
  [false, '"one"', ""],
])("holds the end of an answer until its record is stored (stream: %s)", async (stream, end, before) => {
  stores = false;
  const got = chat(stream);
  await vi.waitFor(() => expect(standIn.records.at(-1)).toMatchObject({ outcome: "ok", stream }), 3000);
  await sleep(300);
  expect(got.ended).toBe(false);
  expect(got.text).toContain(before);
  expect(got.text).not.toContain(end);
  stores = true;
  await vi.waitFor(() => expect(got.ended).toBe(true), 3000);
  expect(got.text).toContain(end);
});

it("holds the end of an answer until its record is on disk, when the disk is waited for", async () => {
  accounting = "leased";
  host.gateway.keys.forgetAll();
  let safe = false;
  host.keepRecordsIn({ ...NO_JOURNAL, holdsEnds: true, isSafe: () => safe });
  const got = chat(true);
  await vi.waitFor(() => expect(got.text).toContain('"one"'), 3000);
  await vi.waitFor(() => expect(host.settled).toBe(true), 3000);
  await sleep(100);
  expect([got.ended, got.text.includes("[DONE]")]).toEqual([false, false]);
  safe = true;
  host.journalChanged();
  await vi.waitFor(() => expect(got.ended).toBe(true), 3000);
  expect(got.text).toContain("[DONE]");
  host.keepRecordsIn(NO_JOURNAL);
});
