/** The control service is away for long: projects that may go on do so for as long as the disk has room, and all that happened arrives. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Operation, READY } from "@oneapi/core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { CLIENT_KEY, ControlStandIn } from "../../shared/vectors/control.ts";
import { Host } from "../src/relay/host.ts";
import { Relay } from "../src/relay/relay.ts";
import { TICKET_HEADER } from "../src/relay/tickets.ts";
import { SpoolFolder } from "../src/spool/folder.ts";
import { Spool, type SyncPolicy } from "../src/spool/spool.ts";

/** More than the core holds in memory. */
const MANY = 20_000;

let away = false;
let standIn: ControlStandIn;
const control = createServer(async (message, answer) => {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  if (away) {
    answer.destroy();
    return;
  }
  const told = standIn.answer(Buffer.concat(parts));
  if (told === null) return;
  const said = JSON.parse(told.toString());
  for (const key of said.keys) key.on_control_loss = "fail_open";
  answer.end(JSON.stringify(said));
});

let path: string;
let folder: SpoolFolder;
let host: Host;
let spool: Spool;
let relay: Relay;
let port: number;
beforeEach(async () => {
  away = false;
  standIn = new ControlStandIn({ targets: [], unsupported: "drop" });
  path = mkdtempSync(join(tmpdir(), "oneapi-spool-"));
  folder = await SpoolFolder.open(path);
  control.listen(0, "127.0.0.1");
  await once(control, "listening");
});
afterEach(async () => {
  relay.cut();
  relay.close();
  await host.stop();
  await spool.close();
  folder.close();
  control.closeAllConnections();
  control.close();
  rmSync(path, { recursive: true });
});

async function start(mostBytes: number, policy: SyncPolicy = "interval"): Promise<void> {
  const controlUrl = `http://127.0.0.1:${(control.address() as AddressInfo).port}`;
  const log = vi.fn();
  host = new Host({ controlUrl, token: "t", node: "kong", log });
  const { epoch } = host;
  spool = new Spool({ folder, node: "kong", epoch, policy, mostBytes, log, changed: () => host.journalChanged() });
  host.keepRecordsIn(spool);
  relay = new Relay(host);
  port = await relay.listen("127.0.0.1", 0);
  expect((await call()).status).toBe(404);
}

/** A call of a model that is not there: it is recorded as refused. */
async function call(): Promise<Response> {
  return await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${CLIENT_KEY}`, [TICKET_HEADER]: host.tickets.issue(host.clock()) },
    body: JSON.stringify({ model: "nothing", messages: [{ role: "user", content: "hi" }] }),
  });
}

/** An operation of the known key that is let in; null when it is not. */
function admitted(): Operation | null {
  const operation = host.gateway.open(host.clock());
  const key = Buffer.from(CLIENT_KEY);
  const outcome = host.gateway.authorize(operation, "POST", "/v1/chat/completions", key, 0, key.length, host.clock());
  return outcome === READY ? operation : null;
}

/** Lets operations in until there are so many or no more are let in, and answers how many there were. */
function serve(most: number): number {
  for (let count = 0; count < most; count++) {
    const operation = admitted();
    if (operation === null) return count;
    host.close(operation, true);
  }
  return most;
}

const allStored = () => vi.waitFor(() => expect(host.settled).toBe(true), 20_000);
const sequences = () => standIn.records.map(({ sequence }) => sequence);

it("serves on with more records than memory holds, and each arrives once, in order", async () => {
  await start(2 ** 30);
  await allStored();
  away = true;
  expect(serve(MANY)).toBe(MANY);
  expect(spool.counts.records).toBe(MANY);
  away = false;
  await allStored();
  expect(sequences()).toEqual(Array.from({ length: MANY + 1 }, (_, index) => index + 1));
  expect(spool.counts).toMatchObject({ records: 0, damaged: 0, oldestSeconds: 0 });
  expect(spool.counts.bytes).toBeLessThan(1024);
});

it("lets nothing in at its bound, with 503 and when to come again, until records are stored", async () => {
  const mostBytes = 2 * 1024 * 1024;
  await start(mostBytes);
  await allStored();
  away = true;
  const served = serve(MANY);
  expect(served).toBeGreaterThan(1000);
  expect(spool.counts.bytes).toBeLessThan(mostBytes + 2048);
  const refused = await call();
  expect([refused.status, refused.headers.get("retry-after"), await refused.json()]).toEqual([
    503,
    "5",
    { error: expect.objectContaining({ type: "server_error", code: "control_unavailable", param: null }) },
  ]);
  expect(host.metrics.text()).toMatch(/^oneapi_spool_full 1$/m);
  away = false;
  await allStored();
  // What was refused for want of room is not recorded; all else is.
  expect(sequences()).toHaveLength(served + 1);
  expect((await call()).status).toBe(404);
  expect(host.metrics.text()).toMatch(/^oneapi_spool_full 0$/m);
});
