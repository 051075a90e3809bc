/**
 * `oneapi-kong` as it is run, on a real socket: between workers of a stand-in for Kong, whose routes a test chooses, and
 * stand-ins for the control service and a provider.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { UsageRecord } from "@oneapi/contract";
import { vi } from "vitest";
import { ControlStandIn } from "../../shared/vectors/control.ts";
import type { Declared } from "../../test/kong/declared.ts";
import type { Description } from "../../test/kong/description.ts";
import { PluginRpc } from "../../test/kong/plugin-rpc.ts";
import { KongWorker } from "../../test/kong/worker.ts";
import { description } from "../src/plugin/description.ts";

const HOST = "127.0.0.1";
const PROGRAM = fileURLToPath(new URL("../bin/oneapi-kong.js", import.meta.url));
const START_MS = 20_000;

/** A call of the provider. */
export interface Asked {
  operationId: string;
  headers: IncomingHttpHeaders;
  /** The user's message; to `uncounted`, the answer has no usage. */
  content: string;
  /** Of a stream, which goes on when the test says so. */
  answer: ServerResponse;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** Of OpenAI's error; empty when it is none. */
  code: string;
}

export class KongWorld {
  /** The calls of the provider. */
  readonly asked: Asked[] = [];
  readonly socket: string;
  relayPort = 0;
  child: ChildProcess | null = null;
  readonly folder = mkdtempSync(join(tmpdir(), "oneapi-kong-world-"));
  /** By the hash of each key that the control service knows, its id. */
  readonly #keys: Map<string, string>;
  readonly #acknowledged = new Map<string, number>();
  readonly #provider = createServer((call, answer) => void this.#answer(call, answer));
  readonly #control = createServer((message, answer) => void this.#sync(message, answer));
  readonly #kongs: Server[] = [];
  readonly #workers: KongWorker[] = [];
  #standIn = new ControlStandIn({ targets: [], unsupported: "drop" });

  /** `keys`: what the control service calls each key. */
  constructor(keys: Record<string, string>) {
    const hash = (key: string) => createHash("sha256").update(key).digest("hex");
    this.#keys = new Map(Object.entries(keys).map(([key, id]) => [hash(key), id]));
    this.socket = join(this.folder, "plugin.sock");
  }

  get records(): UsageRecord[] {
    return this.#standIn.records;
  }

  async start(): Promise<void> {
    const baseUrl = `http://${HOST}:${await listen(this.#provider)}/v1`;
    const target = { name: "provider", kind: "openai", baseUrl, model: "demo", credential: "sk-provider", options: {} };
    this.#standIn = new ControlStandIn({ targets: [target], unsupported: "drop" });
    await listen(this.#control);
    const probe = createServer();
    this.relayPort = await listen(probe);
    await new Promise((closed) => probe.close(closed));
    await this.startPlugin();
  }

  /** Resolves when the process listens. */
  async startPlugin(): Promise<void> {
    const { port } = this.#control.address() as AddressInfo;
    const places = ["--socket", this.socket, "--relay-port", `${this.relayPort}`, "--status-port", "0"];
    const others = ["--spool-dir", join(this.folder, "spool"), "--control-url", `http://${HOST}:${port}`];
    this.child = spawn(process.execPath, [PROGRAM, ...places, ...others], {
      // Compiled once for all starts.
      env: { ...process.env, ONEAPI_GATEWAY_TOKEN: "t", NODE_COMPILE_CACHE: join(this.folder, "compiled") },
      stdio: "ignore",
    });
    const options = { timeout: START_MS, interval: 20 };
    await vi.waitFor(
      async () => (await accepts(this.socket)) || Promise.reject(new Error("it does not listen")),
      options,
    );
  }

  async killPlugin(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const { child } = this;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  /** The base URL of a Kong with this configuration. Its workers take the requests in turn; each has its own connections. */
  async kong(declared: Declared, rpcs: PluginRpc[] = [new PluginRpc(this.socket)]): Promise<string> {
    const [plugin] = description() as [Description];
    const workers = rpcs.map((rpc) => new KongWorker({ declared, description: plugin, rpc, log: () => {} }));
    let turn = 0;
    const server = createServer((client, answer) => {
      const worker = workers[turn++ % workers.length] as KongWorker;
      worker.serve(client, answer).catch(() => answer.destroy());
    });
    this.#workers.push(...workers);
    this.#kongs.push(server);
    return `http://${HOST}:${await listen(server)}`;
  }

  /** `service.url` of a declared service. */
  get relayUrl(): string {
    return `http://${HOST}:${this.relayPort}`;
  }

  /** The record of the operation, once it is in store. */
  async record(operationId: unknown): Promise<UsageRecord> {
    const find = () => this.records.find(({ operation_id: id }) => id === operationId) as UsageRecord;
    await vi.waitFor(() => find() ?? Promise.reject(new Error("no record")), { timeout: 10_000, interval: 20 });
    return find();
  }

  async stop(): Promise<void> {
    this.child?.kill("SIGCONT");
    await this.killPlugin();
    for (const worker of this.#workers) worker.retire();
    for (const server of [...this.#kongs, this.#control, this.#provider]) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #sync(message: IncomingMessage, answer: ServerResponse): Promise<void> {
    const asked = await whole(message);
    const told = this.#standIn.answer(asked);
    // A poll is held.
    if (told === null) return;
    const said = JSON.parse(told.toString());
    said.acknowledged = this.#acknowledge(JSON.parse(asked.toString()));
    said.keys = said.keys.map(({ hash }: { hash: string }) => this.#policyOf(hash));
    // The machine may be busy.
    for (const provider of said.config?.providers ?? []) {
      Object.assign(provider.timeouts, { first_token_ms: 30_000, idle_ms: 30_000, total_ms: 60_000 });
    }
    answer.end(JSON.stringify(said));
  }

  /** Each start of the process counts its records anew. */
  #acknowledge({ epoch, records }: { epoch: string; records: { sequence: number }[] }): number {
    const stored = Math.max(this.#acknowledged.get(epoch) ?? 0, ...records.map(({ sequence }) => sequence));
    this.#acknowledged.set(epoch, stored);
    return stored;
  }

  #policyOf(hash: string) {
    const id = this.#keys.get(hash);
    if (id === undefined) return { hash, known: false, ttl_ms: 60_000 };
    const limits = { expires_at_ms: null, models: [], allowed_ips: [] };
    return { hash, known: true, ttl_ms: 60_000, id, project: "world", user: null, status: "active", ...limits };
  }

  async #answer(call: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = JSON.parse((await whole(call)).toString()) as { stream?: boolean; messages: { content: string }[] };
    const content = body.messages.at(-1)?.content ?? "";
    const operationId = String(call.headers["x-request-id"]);
    this.asked.push({ operationId, headers: call.headers, content, answer });
    if (body.stream) {
      answer.writeHead(200, { "content-type": "text/event-stream" });
      answer.write(event({ content }));
      return;
    }
    answer.setHeader("content-type", "application/json");
    const choice = { index: 0, finish_reason: "stop", message: { role: "assistant", content } };
    const usage = { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 };
    const counted = content === "uncounted" ? {} : { usage };
    answer.end(JSON.stringify({ object: "chat.completion", model: "demo", choices: [choice], ...counted }));
  }
}

/** An event of a provider's stream. */
export function event(delta: object, finish: string | null = null): string {
  const choice = { index: 0, delta, finish_reason: finish };
  return `data: ${JSON.stringify({ object: "chat.completion.chunk", model: "demo", choices: [choice] })}\n\n`;
}

/** A chat with this message. Header names go out as they are written, and once for each of their values. */
export async function openChat(
  url: string,
  content: string,
  headers: Record<string, string | string[]> = {},
  stream = false,
): Promise<IncomingMessage> {
  const call = request(`${url}/chat/completions`, {
    method: "POST",
    agent: false,
    headers: { "content-type": "application/json", ...headers },
  });
  call.end(JSON.stringify({ model: "demo", stream, messages: [{ role: "user", content }] }));
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  return answer;
}

/** The whole answer to a chat with this message. */
export async function chat(...given: Parameters<typeof openChat>): Promise<Answer> {
  const answer = await openChat(...given);
  const text = (await whole(answer)).toString();
  const code = /"code":"([^"]*)"/.exec(text)?.[1] ?? "";
  return { status: answer.statusCode ?? 0, headers: answer.headers, text, code };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, HOST);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function whole(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

async function accepts(path: string): Promise<boolean> {
  const probe = connect(path);
  return await once(probe, "connect").then(
    () => Boolean(probe.destroy()),
    () => false,
  );
}
