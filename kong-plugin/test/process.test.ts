/** The program as it is run: what it prints for Kong, how it ends, and that its death loses no record. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
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
const TOKEN = "token-of-the-gateway";
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

const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

function run(args: string[], stderr: "inherit" | "pipe"): ChildProcess {
  const { port } = control.address() as AddressInfo;
  const child = spawn(process.execPath, [PROGRAM, ...args, "--control-url", `http://127.0.0.1:${port}`], {
    env: { ...process.env, ONEAPI_GATEWAY_TOKEN: TOKEN, NODE_COMPILE_CACHE: join(folder, "compiled") },
    stdio: ["ignore", "ignore", stderr],
  });
  children.push(child);
  return child;
}

async function start(): Promise<ChildProcess> {
  const places = ["--socket", socket, "--relay-port", `${relayPort}`, "--status-port", "0", "--spool-dir", spool];
  const child = run(places, "inherit");
  await vi.waitFor(async () => (await listens()) || Promise.reject(new Error("it does not listen")), 10_000);
  return child;
}

/** Runs what must end by itself: its code, and what it said. */
async function fail(...args: string[]): Promise<{ code: number; said: string }> {
  const ports = ["--relay-port", "0", "--status-port", "0", "--socket", join(folder, "other.sock")];
  const child = run([...ports, ...args], "pipe");
  let said = "";
  child.stderr?.on("data", (part: Buffer) => {
    said += part;
  });
  const [code] = await once(child, "close", { signal: AbortSignal.timeout(20_000) });
  return { code, said };
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

const spooled = () => readdirSync(spool).filter((name) => name.endsWith(".records"));

it("is killed twice with records that nobody has: the next one delivers them, and ends at SIGTERM with 0", async () => {
  refusesRecords = true;
  for (const run of [1, 2]) {
    const killed = await start();
    expect(await call()).toBe(404);
    await vi.waitFor(() => expect(spooled()).toHaveLength(run));
    killed.kill("SIGKILL");
    await once(killed, "exit");
  }
  expect(standIn.records).toEqual([]);
  for (const name of spooled()) {
    const text = readFileSync(join(spool, name), "utf8");
    expect(text).toContain("key_vectors");
    for (const secret of [CLIENT_KEY, TOKEN]) expect(text).not.toContain(secret);
  }
  refusesRecords = false;

  const last = await start();
  await vi.waitFor(() => expect(standIn.records).toHaveLength(2), 5000);
  for (const record of standIn.records)
    expect(record).toMatchObject({ outcome: "rejected", requested_model: "nothing", key: "key_vectors" });
  expect(await call()).toBe(404);
  const other = await fail("--spool-dir", spool);
  expect(other).toEqual({ code: 1, said: expect.stringContaining(`${spool} cannot be used: another oneapi-kong`) });
  last.kill("SIGTERM");
  expect((await once(last, "exit"))[0]).toBe(0);
  // Its own record was on its way when the signal came, and was waited for.
  expect(standIn.records).toHaveLength(3);
  expect(readdirSync(spool)).toEqual([]);
  expect(existsSync(socket)).toBe(false);
});

it("ends with 1 and says why when it cannot have the spool's folder", async () => {
  const { code, said } = await fail("--spool-dir", "/dev/null/spool");
  expect([code, said]).toEqual([1, expect.stringContaining("/dev/null/spool cannot be used: ENOTDIR")]);
});
