/** The fake provider: one HTTP server that speaks every dialect, told apart by the path unless one is chosen. */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Account, type Dialect, isObject, type JsonObject } from "./answer.ts";
import { deliver } from "./delivery.ts";
import { type DialectName, dialectOf } from "./dialects.ts";
import { formOf } from "./form.ts";
import { Log, type LogEntry } from "./log.ts";
import { type Behaviour, Script } from "./script.ts";

export interface UpstreamOptions extends Account {
  host?: string;
  /** 0 or absent: any free one. */
  port?: number;
  /** Speaks HTTPS with this certificate of `upstream/certificates`. */
  certificate?: "localhost" | "stranger";
  /** Speaks it on every path. Absent: the path tells. */
  dialect?: DialectName;
}

/** What the server holds for as long as it runs. */
interface Desk {
  account: Account;
  chosen: DialectName | undefined;
  script: Script;
  log: Log;
  memory: Map<string, JsonObject>;
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

export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const { host = "127.0.0.1", port = 0, certificate, dialect, ...account } = options;
  const script = new Script();
  const log = new Log();
  const desk: Desk = { account, chosen: dialect, script, log, memory: new Map() };
  const server = serverOf(certificate, (request, response) => {
    serve(request, response, desk).catch((problem: unknown) => response.destroy(problem as Error));
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

async function serve(request: IncomingMessage, response: ServerResponse, desk: Desk): Promise<void> {
  const { account, script, log, memory } = desk;
  const url = new URL(request.url ?? "/", "http://upstream");
  const raw = await readBody(request);
  if (raw === null) return;
  if (url.pathname === "/_script" || url.pathname === "/_log") {
    const { status, json } = control(request.method ?? "", url.pathname, raw, script, log);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
    return;
  }
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const body = await parse(raw, url.pathname, headers["content-type"] ?? "");
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
  const dialect = dialectOf(url.pathname, desk.chosen);
  const behaviour = script.take({
    path: url.pathname,
    model: dialect.modelIn?.(url.pathname) ?? (typeof body?.model === "string" ? body.model : null),
    key: credentialIn(headers),
  });
  const answer =
    refusalOf(entry, dialect) ??
    dialect.answer({
      method: entry.method,
      path: url.pathname,
      query: url.searchParams,
      headers,
      body,
      sequence: entry.sequence,
      usage: behaviour.usage ?? {},
      account,
      memory,
    });
  await deliver(answer, behaviour, dialect, response, entry, log);
}

function credentialIn(headers: Record<string, string>): string | null {
  const own = ["x-api-key", "api-key", "x-goog-api-key"].map((name) => headers[name]).find((key) => key !== undefined);
  return own ?? headers.authorization?.replace(/^Bearer /, "") ?? null;
}

/** What is refused whatever the dialect: unknown paths, large bodies and those that are no JSON object. */
function refusalOf(entry: LogEntry, dialect: Dialect): ReturnType<Dialect["refusal"]> | null {
  if (!dialect.serves(entry.path)) return dialect.refusal(404, `Invalid URL (${entry.method} ${entry.path})`);
  if (dialect.largest !== undefined && entry.raw_length > dialect.largest) {
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

/** The JSON object of a body, or the fields of a form that edits an image; null for anything else. */
async function parse(raw: Buffer, path: string, type: string): Promise<JsonObject | null> {
  try {
    if (path.endsWith("/images/edits")) return await formOf(raw, type);
    const value: unknown = JSON.parse(raw.toString());
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
