/**
 * The product as a user starts it: `deploy/up.ts` with a configuration, a real gateway and the control service.
 * `E2E_GATEWAY` chooses the gateway (`envoy`, the default, or `kong`): the cases are the same for both.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { LedgerRecord } from "@oneapi/contract";
import OpenAI from "openai";
import { type Incoming, type IncomingStream, type Outgoing, openStream, send } from "./http.ts";
import { commandsWith, descendants, isAlive } from "./processes.ts";
import { until } from "./until.ts";

export const GATEWAY_KIND = process.env.E2E_GATEWAY ?? "envoy";

const UP = fileURLToPath(new URL("../../deploy/up.ts", import.meta.url));
const START_MS = 120_000;
const STOP_MS = 20_000;

/** The line that `up --json` prints once everything answers (design: "Starting it"). */
interface UpLine {
  base_url: string;
  gateways: { kind: string; base_url: string; pid: number }[];
  admin_url: string;
  admin_token: string;
  control_pid: number;
}

/** Filters of `GET /admin/v1/records`. */
export type RecordFilter = Partial<
  Record<"operation_id" | "project" | "key" | "user" | "model" | "provider" | "outcome" | "from" | "to", string>
>;

export interface GatewayOptions {
  /** The content of oneapi.yaml. */
  config: object;
  /** Threads of the gateway. */
  workers?: number;
  /** How many gateways on the one control service. */
  gateways?: number;
  /** Real stores in the place of the embedded ones. */
  databaseUrl?: string;
  redisUrl?: string;
  /** Added to the environment of all parts. */
  env?: Record<string, string>;
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const directory = mkdtempSync(join(tmpdir(), "oneapi-e2e-"));
  const config = join(directory, "oneapi.yaml");
  // JSON is YAML too.
  writeFileSync(config, JSON.stringify(options.config));
  const kinds = Array.from({ length: options.gateways ?? 1 }, () => GATEWAY_KIND).join(",");
  const flags = ["--json", "--port", "0", "--control-port", "0", "--no-demo", "--gateway", kinds];
  if (options.databaseUrl !== undefined) flags.push("--database-url", options.databaseUrl);
  if (options.redisUrl !== undefined) flags.push("--redis-url", options.redisUrl);
  const places = ["--data-dir", join(directory, "data"), "--config", config, "--workers", String(options.workers ?? 1)];
  const child = spawn(process.execPath, [UP, ...flags, ...places], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
  const log = keepTail(child);
  try {
    return new Gateway(child, directory, await firstLine(child), log);
  } catch (problem) {
    child.kill("SIGKILL");
    throw new Error(`the gateway did not start: ${(problem as Error).message}\n${log().slice(-6000)}`);
  }
}

async function firstLine(child: ChildProcess): Promise<UpLine> {
  if (child.stdout === null) throw new Error("no stdout");
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([
    once(lines, "line", { signal: AbortSignal.timeout(START_MS) }).then(([text]) => String(text)),
    once(child, "exit").then(([code, signal]) => Promise.reject(new Error(`it ended with ${code ?? signal}`))),
  ]);
  return JSON.parse(line as string) as UpLine;
}

/** Keeps the end of what the processes say, to be shown when something fails. */
function keepTail(child: ChildProcess): () => string {
  let tail = "";
  child.stderr?.on("data", (part: Buffer) => {
    tail = (tail + part.toString()).slice(-200_000);
    if (process.env.E2E_VERBOSE !== undefined) process.stderr.write(part);
  });
  return () => tail;
}

/** What is killed in tests, by a text of its command line. */
const MARKS = { envoy: "--disable-hot-restart", "control service": "oneapi.js serve" } as const;

export class Gateway {
  /** With `/v1`. */
  readonly baseUrl: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly pid: number;
  /** The base URLs of all gateways, with `/v1`. */
  readonly baseUrls: string[];
  readonly controlPid: number;
  /** The end of what all parts have written to stderr. */
  readonly log: () => string;
  readonly #child: ChildProcess;
  readonly #directory: string;

  constructor(child: ChildProcess, directory: string, line: UpLine, log: () => string) {
    const [gateway] = line.gateways;
    if (gateway === undefined) throw new Error("up names no gateway");
    this.baseUrl = line.base_url;
    this.adminUrl = line.admin_url.replace(/\/$/, "");
    this.adminToken = line.admin_token;
    this.pid = gateway.pid;
    this.baseUrls = line.gateways.map(({ base_url }) => base_url);
    this.controlPid = line.control_pid;
    this.log = log;
    this.#child = child;
    this.#directory = directory;
  }

  get origin(): string {
    return new URL(this.baseUrl).origin;
  }

  /** The official SDK, without retries so that each call is one operation. */
  client(apiKey: string, options: Partial<ConstructorParameters<typeof OpenAI>[0]> = {}): OpenAI {
    return new OpenAI({ apiKey, baseURL: this.baseUrl, maxRetries: 0, timeout: 60_000, ...options });
  }

  /** One request to the gateway; `path` is below `/v1`. */
  send(path: string, key: string | null, body?: unknown, outgoing: Outgoing = {}): Promise<Incoming> {
    return send(this.baseUrl + path, withKey(key, body, outgoing));
  }

  stream(path: string, key: string, body: unknown, outgoing: Outgoing = {}): Promise<IncomingStream> {
    return openStream(this.baseUrl + path, withKey(key, body, outgoing));
  }

  async admin(method: string, path: string, body?: unknown, contentType = "application/json"): Promise<Incoming> {
    const authorization = `Bearer ${this.adminToken}`;
    const content = body === undefined ? {} : { body };
    const headers: Record<string, string> = {
      authorization,
      ...(body === undefined ? {} : { "content-type": contentType }),
    };
    return send(`${this.adminUrl}/admin/v1${path}`, { method, headers, ...content });
  }

  /** Like {@link admin}, for calls that must succeed. */
  async adminJson<Value = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Value> {
    const answer = await this.admin(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return (answer.text === "" ? {} : JSON.parse(answer.text)) as Value;
  }

  /** All records of a filter, newest first, over as many pages as there are. */
  async records(filter: RecordFilter): Promise<LedgerRecord[]> {
    const records: LedgerRecord[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const query: URLSearchParams = new URLSearchParams({
        ...filter,
        limit: "1000",
        ...(cursor === "" ? {} : { cursor }),
      });
      const page: { items: LedgerRecord[]; next: string | null } = await this.adminJson("GET", `/records?${query}`);
      records.push(...page.items);
      cursor = page.next ?? null;
    }
    return records;
  }

  /** The one record of an operation, once it is there. */
  async record(operationId: unknown, withinMs = 10_000): Promise<LedgerRecord> {
    const filter = { operation_id: String(operationId) };
    const what = `a record of operation ${operationId}`;
    const [record] = await until(
      what,
      () => this.records(filter),
      (found) => found.length > 0,
      withinMs,
    );
    return record as LedgerRecord;
  }

  /**
   * Sends a signal to the control service or the Envoys, those that run now; a part that dies of it is started again.
   * @param node of several Envoys only this one, counted from 1
   */
  signal(part: keyof typeof MARKS, signal: NodeJS.Signals, node?: number): void {
    const texts = [MARKS[part], this.#directory, node === undefined ? "" : `envoy-${node}.json`];
    for (const { pid, command } of descendants(process.pid)) {
      if (command.startsWith("sh ") || !texts.every((text) => command.includes(text))) continue;
      try {
        process.kill(pid, signal);
      } catch {
        // It has just died.
      }
    }
  }

  /** Stops everything as Ctrl-C does; throws when something fails or is left behind. */
  async stop(): Promise<void> {
    const ended = once(this.#child, "exit", { signal: AbortSignal.timeout(STOP_MS) });
    if (this.#child.exitCode === null) {
      this.#child.kill("SIGTERM");
      const [code, signal] = await ended.catch(() => {
        this.#child.kill("SIGKILL");
        throw new Error(`up did not end within ${STOP_MS} ms of SIGTERM\n${this.log().slice(-3000)}`);
      });
      if (code !== 0) throw new Error(`up ended with ${code ?? signal} after SIGTERM\n${this.log().slice(-3000)}`);
    }
    const left = commandsWith(this.#directory);
    if (left.length > 0 || isAlive(this.pid) || isAlive(this.controlPid)) {
      throw new Error(`left running: ${left.join("\n") || `pid ${this.pid} or ${this.controlPid}`}`);
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function withKey(key: string | null, body: unknown, outgoing: Outgoing): Outgoing {
  const authorization: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` };
  return { ...outgoing, headers: { ...authorization, ...outgoing.headers }, ...(body === undefined ? {} : { body }) };
}
