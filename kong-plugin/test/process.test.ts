/** The program as it is run: what it prints for Kong, how it ends, and that its death loses no record. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { CLIENT_KEY, ControlStandIn } from "../../shared/vectors/control.ts";
import { TICKET_HEADER } from "../src/relay/tickets.ts";
import { Connection, type Told } from "./kong-side.ts";

const PROGRAM = fileURLToPath(new URL("../bin/oneapi-kong.js", import.meta.url));
const standIn = new ControlStandIn({ targets: [], unsupported: "drop" });
/** The control service takes no records while it is so. */
let refusesRecords = false;
const control = createServer(async (message, answer) => {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  const { records = [] } = JSON.parse(body.toString()) as { records?: unknown[] };
  if (refusesRecords && records.length > 0) {
    answer.writeHead(503).end();
    return;
  }
  const told = standIn.answer(body);
  if (told !== null) answer.end(told);
});
const folder = mkdtempSync(join(tmpdir(), "oneapi-kong-test-"));
const socket = join(folder, "plugin.sock");
const spool = join(folder, "spool");
let relayPort: number;

beforeAll(async () => {
  control.listen(0, "127.0.0.1");
  await once(control, "listening");
  relayPort = await freePort();
});
afterAll(() => {
  control.closeAllConnections();
  control.close();
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((closed) => probe.close(closed));
  return port;
}

async function start(): Promise<ChildProcess> {
  const { port } = control.address() as AddressInfo;
  const places = ["--socket", socket, "--relay-port", `${relayPort}`, "--status-port", "0", "--spool-dir", spool];
  const child = spawn(process.execPath, [PROGRAM, ...places, "--control-url", `http://127.0.0.1:${port}`], {
    env: { ...process.env, ONEAPI_GATEWAY_TOKEN: "t" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  await vi.waitFor(async () => (await listens()) || Promise.reject(new Error("it does not listen")), 10_000);
  return child;
}

async function listens(): Promise<boolean> {
  const probe = connect(socket);
  return await once(probe, "connect").then(
    () => Boolean(probe.destroy()),
    () => false,
  );
}

/** Lets a call through the plugin and calls the relay: of a model that is not there, which is recorded as refused. */
async function call(): Promise<number> {
  const connection = new Connection(connect(socket));
  const instance = await connection.start();
  const first = await connection.result("plugin.HandleEvent", { InstanceId: instance, EventName: "access" });
  const headers = { authorization: [`Bearer ${CLIENT_KEY}`] };
  const second = await connection.result<Told>("plugin.StepMultiMap", { EventId: first.EventId, Data: headers });
  if (second.Data === "ret") throw new Error("the phase is over");
  const { [TICKET_HEADER]: ticket = "" } = second.Data.Args[0] as Record<string, string>;
  await connection.result("plugin.Step", { EventId: first.EventId });
  connection.socket.destroy();
  const answer = await fetch(`http://127.0.0.1:${relayPort}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${CLIENT_KEY}`, [TICKET_HEADER]: ticket },
    body: JSON.stringify({ model: "nothing", messages: [{ role: "user", content: "hi" }] }),
  });
  return answer.status;
}

it.each([
  [["--relay-port", "70000"], "--relay-port 70000"],
  [["--control-url", "ftp://x"], "--control-url ftp://x"],
  [["--nonsense"], "--nonsense"],
  [["--control-url", "http://x", "--token-file", "/dev/null", "--drain-seconds", "soon"], "--drain-seconds soon"],
  [[], "--control-url (or ONEAPI_CONTROL_URL) is missing"],
])("refuses %j with what is wrong", (args, message) => {
  const run = () => execFileSync(process.execPath, [PROGRAM, ...args], { encoding: "utf8", env: {}, stdio: "pipe" });
  expect(run).toThrow(expect.objectContaining({ status: 2, stderr: expect.stringContaining(message) }));
});

it("is killed with records that nobody has: the next one delivers them, and ends at SIGTERM with 0", async () => {
  refusesRecords = true;
  const first = await start();
  expect(await call()).toBe(404);
  await vi.waitFor(() => expect(readdirSync(spool)).toHaveLength(1));
  first.kill("SIGKILL");
  await once(first, "exit");
  expect(standIn.records).toEqual([]);
  refusesRecords = false;

  const second = await start();
  await vi.waitFor(() => expect(standIn.records).toHaveLength(1), 5000);
  expect(standIn.records[0]).toMatchObject({ outcome: "rejected", requested_model: "nothing", key: "key_vectors" });
  expect(await call()).toBe(404);
  second.kill("SIGTERM");
  expect((await once(second, "exit"))[0]).toBe(0);
  // The second one's own record was on its way when the signal came, and was waited for.
  expect(standIn.records).toHaveLength(2);
  expect(readdirSync(spool)).toEqual([]);
  expect(existsSync(socket)).toBe(false);
});
