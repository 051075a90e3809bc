/**
 * The product as a user starts it: `deploy/up.ts` with a configuration, a real gateway and the control service.
 * `E2E_GATEWAY` chooses the gateway (`envoy`, the default, or `kong`): the cases are the same for both.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { LedgerRecord } from "@oneapi/contract";
import OpenAI from "openai";
import { type Incoming, type IncomingStream, type Outgoing, openStream, send } from "./http.ts";
import { commandsWith, descendants, isAlive } from "./processes.ts";
import { until } from "./until.ts";

export type GatewayKind = "envoy" | "kong";
export const GATEWAY_KIND = readKind(process.env.E2E_GATEWAY);

const UP = fileURLToPath(new URL("../../deploy/up.ts", import.meta.url));
const START_MS = 120_000;
const STOP_MS = 20_000;

/** The line that `up --json` prints once everything answers (design: "Starting it"). */
interface UpLine {
  base_url: string;
  gateways: { kind: GatewayKind; base_url: string; pid: number }[];
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
  /** How many gateways on the one control service, or of which kind each is. */
  gateways?: number | GatewayKind[];
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
  const { gateways = 1 } = options;
  const kinds = typeof gateways === "number" ? Array.from({ length: gateways }, () => GATEWAY_KIND) : gateways;
  const flags = ["--json", "--port", "0", "--control-port", "0", "--no-demo", "--gateway", kinds.join(",")];
  if (options.databaseUrl !== undefined) flags.push("--database-url", options.databaseUrl);
  if (options.redisUrl !== undefined) flags.push("--redis-url", options.redisUrl);
  const places = ["--data-dir", join(directory, "data"), "--config", config, "--workers", String(options.workers ?? 1)];
  const child = spawn(process.execPath, [UP, ...flags, ...places], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...asStartedBefore(join(directory, "data")), ...options.env },
  });
  const log = keepTail(child);
  try {
    return new Gateway(child, directory, await firstLine(child), log);
  } catch (problem) {
    child.kill("SIGKILL");
    throw new Error(`the gateway did not start: ${(problem as Error).message}\n${log().slice(-6000)}`);
  }
}

/** Fills a data folder as test/setup/started.ts has left one; the environment for the start from it. */
function asStartedBefore(dataDir: string): Record<string, string> {
  const started = process.env.E2E_STARTED;
  if (started === undefined) return {};
  cpSync(join(started, "data"), dataDir, { recursive: true });
  return { NODE_COMPILE_CACHE: join(started, "compiled") };
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

function readKind(text = "envoy"): GatewayKind {
  if (text === "envoy" || text === "kong") return text;
  throw new Error(`E2E_GATEWAY ${text}: must be envoy or kong`);
}

/** What is killed in tests. With Kong the gateway is oneapi-kong: plugin, relay and all that they know are there. */
export type PartName = "gateway" | "kong" | "control service";

/** Texts of the command line of one gateway, by its number among those of its kind. */
const MARKS = {
  envoy: (number: number) => [`envoy-${number}.json --concurrency`],
  kong: (number: number) => [`--node kong-${number} `],
} as const;
/** Those of the stand-in for Kong, and of a real one. */
const KONG_MARKS = ["kong/main.ts -c ", " -c nginx.conf"];
const CONTROL_MARKS = ["oneapi.js serve"];

export class Gateway {
  /** With `/v1`. */
  readonly baseUrl: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly pid: number;
  /** The base URLs of all gateways, with `/v1`. */
  readonly baseUrls: string[];
  readonly controlPid: number;
  /** Of each gateway's process, texts of its command line. */
  readonly #marks: string[][];
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
    const kinds = line.gateways.map(({ kind }) => kind);
    this.#marks = kinds.map((kind, at) => MARKS[kind](kinds.slice(0, at + 1).filter((one) => one === kind).length));
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
   * Sends a signal to the control service, the gateways or the Kongs, those that run now; what dies of it is started again.
   * @param node of several gateways only this one, counted from 1
   */
  signal(part: PartName, signal: NodeJS.Signals, node?: number): void {
    const gateways = (node === undefined ? this.#marks : this.#marks.slice(node - 1, node)).flat();
    const marks = { gateway: gateways, kong: KONG_MARKS, "control service": CONTROL_MARKS }[part];
    for (const { pid, command } of descendants(process.pid)) {
      if (!command.includes(this.#directory) || !marks.some((mark) => command.includes(mark))) continue;
      try {
        process.kill(pid, signal);
      } catch {
        // It has just died.
      }
    }
  }

  /** A file of the data folder of `up`. */
  fileOf(name: string): string {
    return join(this.#directory, "data", name);
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
