/**
 * `oneapi-kong` is killed at random moments in the middle of calls, plain and streamed, of a project with leases and of one with
 * `accounting: strict`: each call whose whole answer came has one record, and the books agree to the last nano-dollar.
 * `KILLED_SEED` and `KILLED_OPERATIONS` make it another run, or a longer one.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { LedgerRecord } from "@oneapi/contract";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { buildApp } from "../../control-service/src/app.ts";
import { systemClock } from "../../control-service/src/clock.ts";
import type { Services } from "../../control-service/src/services.ts";
import { type AdminCall, adminCalls, testServices } from "../../control-service/src/testing.ts";
import { description } from "../../kong-plugin/src/plugin/description.ts";
import { Random } from "../fuzz/random.ts";
import type { Description } from "./description.ts";
import { PluginRpc } from "./plugin-rpc.ts";
import { KongWorker } from "./worker.ts";

const SEED = Number(process.env.KILLED_SEED ?? 1);
const OPERATIONS = Number(process.env.KILLED_OPERATIONS ?? 2000);
const PROJECTS = ["leased", "strict"] as const;
type Project = (typeof PROJECTS)[number];
const AT_ONCE = 24;
const KILLS = 3;
/** 20 tokens of output at 1 USD per million. */
const COST = 20_000;
const USAGE = { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 };
const PROGRAM = fileURLToPath(new URL("../../kong-plugin/bin/oneapi-kong.js", import.meta.url));

const folder = mkdtempSync(join(tmpdir(), "oneapi-killed-"));
const socket = join(folder, "plugin.sock");
const spool = join(folder, "spool");
const PROVIDER_SECRET = "secret-of-the-provider";
const PROMPT = "what the client says";
const ANSWER = "what the provider says";
const secretOf = (project: string) => `key-of-the-killed-${project}-000`;

/** The operations that the provider was asked for. */
const asked = { leased: new Set<string>(), strict: new Set<string>() };
const provider = createServer((call, answer) => void serve(call, answer));
let services: Services;
let app: FastifyInstance;
let admin: AdminCall;
let controlUrl: string;
let relayPort: number;
let kongPort: number;
let rpc: PluginRpc;
let kong: ReturnType<typeof createServer>;
let child: ChildProcess;
/** Resolves when there is one. */
let up: Promise<void>;

beforeAll(async () => {
  const url = `http://127.0.0.1:${await listen(provider)}`;
  services = { ...(await testServices()), clock: systemClock };
  app = await buildApp(services);
  controlUrl = await app.listen({ host: "127.0.0.1", port: 0 });
  admin = adminCalls(app, services);
  const applied = await admin("PUT", "/config", {
    version: 1,
    providers: [{ name: "p", kind: "openai", base_url: `${url}/v1`, credentials: [PROVIDER_SECRET] }],
    models: [{ name: "m", targets: [{ provider: "p", model: "gpt-4.1-mini" }], price: { input: 0, output: 1 } }],
    projects: PROJECTS.map((name) => ({
      ...{ name, accounting: name, limits: [{ metric: "spend", window: "none", amount: 100 }] },
      keys: [{ name: "only", secret: secretOf(name) }],
    })),
  });
  expect(applied.status, applied.text).toBe(200);
  relayPort = await freePort();
  rpc = new PluginRpc(socket);
  const routes = [{ paths: ["/v1"], strip_path: false }];
  const declared = { services: [{ url: `http://127.0.0.1:${relayPort}`, routes, plugins: [{ name: "oneapi" }] }] };
  const [plugin] = description() as [Description];
  const worker = new KongWorker({ declared, description: plugin, rpc, log: () => {} });
  kong = createServer((client, answer) => void worker.serve(client, answer).catch(() => answer.destroy()));
  kongPort = await listen(kong);
  up = start();
  await up;
});
afterAll(async () => {
  child?.kill("SIGKILL");
  rpc?.close();
  agent.destroy();
  for (const server of [provider, kong]) {
    server?.closeAllConnections();
    server?.close();
  }
  await app?.close();
  await services?.database.close();
  rmSync(folder, { recursive: true, force: true });
});

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  const port = await listen(probe);
  await new Promise((closed) => probe.close(closed));
  return port;
}

async function start(): Promise<void> {
  const ports = ["--relay-port", `${relayPort}`, "--status-port", "0"];
  const places = ["--socket", socket, "--spool-dir", spool, "--control-url", controlUrl, "--node", "kong-1"];
  child = spawn(process.execPath, [PROGRAM, ...ports, ...places], {
    env: {
      ...process.env,
      ONEAPI_GATEWAY_TOKEN: services.gatewayToken,
      NODE_COMPILE_CACHE: join(folder, "compiled"),
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  await vi.waitFor(async () => {
    const probe = connect(socket);
    await once(probe, "connect");
    probe.destroy();
  }, 20_000);
}

async function kill(): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** Of what a process leaves, whoever reads it learns no key, no credential and no text of a call. */
function expectNoSecrets(): number {
  const names = readdirSync(spool).filter((name) => name.endsWith(".records"));
  const text = names.map((name) => readFileSync(join(spool, name), "utf8")).join("");
  const secrets = [...PROJECTS.map(secretOf), services.gatewayToken, PROVIDER_SECRET, PROMPT, ANSWER];
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
  return text.length;
}

/** Answers as OpenAI does: JSON over several lines, or a stream of some events. */
async function serve(call: IncomingMessage, answer: ServerResponse): Promise<void> {
  const { stream, user } = JSON.parse(await whole(call)) as { stream?: boolean; user: Project };
  asked[user].add(String(call.headers["x-request-id"]));
  const choice = { index: 0, finish_reason: "stop" };
  if (!stream) {
    await sleep(5);
    const message = { role: "assistant", content: ANSWER };
    answer.setHeader("content-type", "application/json");
    answer.end(JSON.stringify({ object: "chat.completion", choices: [{ ...choice, message }], usage: USAGE }, null, 2));
    return;
  }
  answer.setHeader("content-type", "text/event-stream");
  const events = [
    { choices: [{ index: 0, delta: { role: "assistant", content: "one" } }] },
    { choices: [{ index: 0, delta: { content: ANSWER } }] },
    { choices: [{ ...choice, delta: {} }] },
    { choices: [], usage: USAGE },
  ];
  for (const event of events) {
    answer.write(`data: ${JSON.stringify({ object: "chat.completion.chunk", ...event })}\n\n`);
    await sleep(2);
  }
  answer.end("data: [DONE]\n\n");
}

async function whole(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

const agent = new Agent({ keepAlive: true });

/** The operation's id when the whole answer came, else null. */
async function chat(project: string, stream: boolean): Promise<string | null> {
  const call = request({
    ...{ host: "127.0.0.1", port: kongPort, path: "/v1/chat/completions", method: "POST", agent },
    headers: { authorization: `Bearer ${secretOf(project)}` },
  });
  call.on("error", () => {});
  call.end(
    JSON.stringify({
      model: "m",
      user: project,
      max_tokens: 50,
      stream,
      messages: [{ role: "user", content: PROMPT }],
    }),
  );
  try {
    const [answer] = (await once(call, "response")) as [IncomingMessage];
    const text = await whole(answer);
    const isWhole = answer.statusCode === 200 && answer.complete && (!stream || text.endsWith("data: [DONE]\n\n"));
    return isWhole ? String(answer.headers["x-request-id"]) : null;
  } catch {
    return null;
  }
}

async function records(project: string): Promise<LedgerRecord[]> {
  const found: LedgerRecord[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const from: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const { body } = await admin("GET", `/records?project=${project}&limit=1000${from}`);
    found.push(...body.items);
    cursor = body.next ?? null;
  }
  return found;
}

it("each call that was answered has one record, whenever the process is killed", { timeout: 180_000 }, async () => {
  const random = new Random(SEED, 0);
  const finished = { leased: [] as string[], strict: [] as string[] };
  const done = () => finished.leased.length + finished.strict.length;
  const caller = async (number: number) => {
    const project = PROJECTS[number % PROJECTS.length] as Project;
    for (let round = number; finished[project].length < OPERATIONS / PROJECTS.length; round++) {
      const id = await chat(project, round % 4 < 2);
      if (id === null) await up;
      else finished[project].push(id);
    }
  };
  let left = 0;
  const killer = async () => {
    // All in the first half, so that the last one's leases have ended when the calls have.
    for (let turn = 1; turn <= KILLS; turn++) {
      const at = (turn - 1 + random.below(1000) / 1000) * (OPERATIONS / 2 / KILLS);
      await vi.waitUntil(() => done() >= at, { timeout: 120_000, interval: 5 });
      await sleep(random.below(40));
      await kill();
      left += expectNoSecrets();
      up = start();
      await up;
    }
  };
  const begun = performance.now();
  await Promise.all([killer(), ...Array.from({ length: AT_ONCE }, (_, number) => caller(number))]);
  console.info(
    `seed ${SEED}: ${done()} of ${asked.leased.size + asked.strict.size} calls finished in ${Math.round(performance.now() - begun)} ms`,
  );

  // Some records were on disk alone.
  expect(left).toBeGreaterThan(0);
  for (const project of PROJECTS) {
    // What processes left is delivered within moments of the next one's start. Of a strict project also the calls that were cut
    // are known: the control service closes them when their gateway has been silent for some seconds.
    const due = [...finished[project], ...(project === "strict" ? asked.strict : [])];
    const list = await vi.waitFor(
      async () => {
        const found = await records(project);
        const ids = new Set(found.map(({ operation_id }) => operation_id));
        expect(due.filter((id) => !ids.has(id))).toEqual([]);
        return found;
      },
      { timeout: 30_000, interval: 250 },
    );
    const byId = new Map(list.map((record) => [record.operation_id, record]));
    expect(byId.size).toBe(list.length);
    const expected = { outcome: "ok", usage_source: "provider", cost_nano_usd: COST };
    for (const id of finished[project]) expect(byId.get(id), id).toMatchObject(expected);
    await vi.waitFor(() => expectBalance(project), { timeout: 30_000, interval: 250 });
  }
  const { checked, wrong, balances } = (await admin("POST", "/ledger/verify")).body;
  const all = await Promise.all(PROJECTS.map(records));
  expect([checked, wrong, balances.wrong]).toEqual([all.flat().length, 0, 0]);
  console.info(`the books are right after ${Math.round(performance.now() - begun)} ms`);
});

/** The balance is what the records make it, and nothing is held of it. */
async function expectBalance(project: string): Promise<void> {
  const { used, reserved } = (await admin("GET", `/limits/project:${project}:spend:none`)).body;
  const costs = (await records(project)).map(({ cost_nano_usd }) => cost_nano_usd ?? 0);
  const spent = costs.reduce((sum, cost) => sum + cost, 0);
  expect([Math.round(Number(used) * 1e9), Number(reserved)]).toEqual([spent, 0]);
}
