/** The fake provider: one HTTP server that speaks every dialect, told apart by the path. */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Account, type Dialect, isObject, type JsonObject } from "./answer.ts";
import { anthropic } from "./anthropic.ts";
import { deliver } from "./delivery.ts";
import { Log, type LogEntry } from "./log.ts";
import { openai } from "./openai.ts";
import { type Behaviour, Script } from "./script.ts";

export interface UpstreamOptions extends Account {
  host?: string;
  /** 0 or absent: any free one. */
  port?: number;
  /** Speaks HTTPS with this certificate of `upstream/certificates`. */
  certificate?: "localhost" | "stranger";
}

interface ControlAnswer {
  status: number;
  json: unknown;
}

export interface Upstream {
  port: number;
  /** `http://host:port` or `https://localhost:port`, without a path. */
  url: string;
  script(...behaviours: Behaviour[]): void;
  clearScript(): void;
  log(): LogEntry[];
  clearLog(): void;
  stop(): Promise<void>;
}

const OPENAI_PATHS = ["/chat/completions", "/completions", "/embeddings", "/images/generations", "/models"];

/** Anthropic's limit; OpenAI's is larger than any test here. */
const MESSAGES_LIMIT = 32 * 1024 * 1024;

export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const { host = "127.0.0.1", port = 0, certificate, ...account } = options;
  const script = new Script();
  const log = new Log();
  const server = serverOf(certificate, (request, response) => {
    serve(request, response, account, script, log).catch((problem: unknown) => response.destroy(problem as Error));
  });
  // A gateway keeps connections for longer than Node's five seconds; closing them under it would look like faults.
  server.keepAliveTimeout = 600_000;
  server.requestTimeout = 0;
  await listen(server, host, port);
  const bound = (server.address() as AddressInfo).port;
  return {
    port: bound,
    url: certificate === undefined ? `http://${host}:${bound}` : `https://localhost:${bound}`,
    script: (...behaviours) => script.add(behaviours),
    clearScript: () => script.clear(),
    log: () => log.entries(),
    clearLog: () => log.clear(),
    stop: () => close(server),
  };
}

function serverOf(certificate: UpstreamOptions["certificate"], listener: RequestListener): Server {
  if (certificate === undefined) return createServer(listener);
  const read = (ending: string) => readFileSync(new URL(`certificates/${certificate}.${ending}`, import.meta.url));
  return createSecureServer({ cert: read("pem"), key: read("key") }, listener);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((listening, failed) => {
    server.once("error", failed);
    server.listen(port, host, () => listening());
  });
}

function close(server: Server): Promise<void> {
  return new Promise((closed) => {
    server.close(() => closed());
    server.closeAllConnections();
  });
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  account: Account,
  script: Script,
  log: Log,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://upstream");
  const raw = await readBody(request);
  if (raw === null) return;
  if (url.pathname === "/_script" || url.pathname === "/_log") {
    const { status, json } = control(request.method ?? "", url.pathname, raw, script, log);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
    return;
  }
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const body = parse(raw);
  const text = raw.toString();
  const query = Object.fromEntries(url.searchParams);
  const seen = {
    method: request.method ?? "",
    path: url.pathname,
    query,
    headers,
    body,
    raw: text,
    raw_length: raw.length,
    server_name: serverNameOf(request),
  };
  const entry = log.open(seen);
  const key = headers["x-api-key"] ?? headers["api-key"] ?? headers.authorization?.replace(/^Bearer /, "") ?? null;
  const model = typeof body?.model === "string" ? body.model : null;
  const behaviour = script.take({ path: url.pathname, model, key });
  const dialect = url.pathname.endsWith("/messages") ? anthropic : openai;
  const refused = refusalOf(entry, dialect);
  const answer =
    refused ??
    dialect.answer({
      path: url.pathname,
      query: url.searchParams,
      headers,
      body,
      sequence: entry.sequence,
      usage: behaviour.usage ?? {},
      account,
    });
  await deliver(answer, behaviour, dialect, response, entry, log);
}

/** What is refused whatever the dialect: unknown paths and bodies that are no JSON object. */
function refusalOf(entry: LogEntry, dialect: Dialect): ReturnType<Dialect["refusal"]> | null {
  const known = dialect === anthropic || OPENAI_PATHS.some((path) => entry.path.endsWith(path));
  if (!known) return dialect.refusal(404, `Invalid URL (${entry.method} ${entry.path})`);
  if (dialect === anthropic && entry.raw_length > MESSAGES_LIMIT) {
    return dialect.refusal(413, "Request exceeds the maximum size");
  }
  if (entry.method === "POST" && entry.body === null) {
    return dialect.refusal(400, "We could not parse the JSON body of your request.");
  }
  return null;
}

/** `POST|DELETE /_script`, `GET|DELETE /_log`: the methods of {@link Upstream}, for tests in other processes. */
function control(method: string, path: string, raw: Buffer, script: Script, log: Log): ControlAnswer {
  if (path === "/_log" && method === "GET") return { status: 200, json: log.entries() };
  if (method === "DELETE") {
    (path === "/_log" ? log : script).clear();
    return { status: 200, json: {} };
  }
  if (path !== "/_script" || method !== "POST") return { status: 405, json: { error: "method not allowed" } };
  try {
    const behaviours: unknown = JSON.parse(raw.toString());
    script.add((Array.isArray(behaviours) ? behaviours : [behaviours]) as Behaviour[]);
    return { status: 200, json: {} };
  } catch (problem) {
    return { status: 400, json: { error: String(problem) } };
  }
}

/** The name the client asked for in the TLS handshake (SNI). */
function serverNameOf(request: IncomingMessage): string | null {
  const name = (request.socket as TLSSocket).servername;
  return typeof name === "string" ? name : null;
}

/** null when the client left in the middle of its request. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  try {
    for await (const part of request) parts.push(part as Buffer);
  } catch {
    return null;
  }
  return Buffer.concat(parts);
}

function parse(raw: Buffer): JsonObject | null {
  try {
    const value: unknown = JSON.parse(raw.toString());
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
