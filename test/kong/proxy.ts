/** Kong's HTTP: what it adds and takes away, what it buffers, and what it answers itself. */
import { randomBytes } from "node:crypto";
import { Agent, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Exchange, type ExternalPlugin, NoInstance } from "./plugin.ts";

const VIA = "1.1 kong/3.9.1";
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export interface Service {
  url: string;
  readTimeoutMs: number;
}

export class KongProxy {
  readonly #service: Service;
  readonly #plugin: ExternalPlugin;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, timeout: 60_000 });

  constructor(service: Service, plugin: ExternalPlugin) {
    this.#service = service;
    this.#plugin = plugin;
  }

  async serve(client: IncomingMessage, answer: ServerResponse): Promise<void> {
    const id = randomBytes(16).toString("hex");
    const headers = gather(client.rawHeaders);
    const [path = ""] = (client.url ?? "").split("?");
    const exchange: Exchange = { headers, path: path.replace(/\/{2,}/g, "/"), added: {}, exit: null };
    client.on("error", () => {});
    try {
      await this.#plugin.run("access", exchange);
    } catch (error) {
      if (!(error instanceof NoInstance)) throw error;
      sendOwn(answer, 500, "An unexpected error occurred", id);
      return;
    }
    if (exchange.exit !== null) {
      const { status, body, headers: given } = exchange.exit;
      client.resume();
      answer.writeHead(status, { ...given, "content-length": Buffer.byteLength(body), "x-kong-request-id": id });
      answer.end(body);
      return;
    }
    // nginx connects to the service once it has the whole body.
    const body = await read(client);
    if (body !== null) this.#pass(client, answer, exchange, body, id);
  }

  #pass(client: IncomingMessage, answer: ServerResponse, exchange: Exchange, body: Buffer, id: string): void {
    const { url, readTimeoutMs } = this.#service;
    const call = request(new URL(client.url ?? "/", url), {
      method: client.method ?? "GET",
      headers: this.#headers(client, exchange, body, id),
      agent: this.#agent,
      timeout: readTimeoutMs,
    });
    call.on("timeout", () => call.destroy(new Error("timeout")));
    call.on("error", () => {
      if (answer.headersSent) answer.destroy();
      else sendOwn(answer, 502, "An invalid response was received from the upstream server", id);
    });
    call.on("response", (given) => {
      const headers = keep(gather(given.rawHeaders));
      answer.writeHead(given.statusCode ?? 502, { ...headers, via: VIA, "x-kong-request-id": id });
      answer.flushHeaders();
      given.on("error", () => answer.destroy());
      // An answer that is cut must not look whole.
      given.on("close", () => given.complete || answer.destroy());
      given.pipe(answer);
    });
    answer.on("close", () => answer.writableFinished || call.destroy());
    call.end(body);
  }

  #headers(client: IncomingMessage, exchange: Exchange, body: Buffer, id: string): Record<string, string | string[]> {
    const address = (client.socket as Socket).remoteAddress ?? "";
    const own = {
      host: new URL(this.#service.url).host,
      via: VIA,
      "x-forwarded-for": [client.headers["x-forwarded-for"], address].filter(Boolean).join(", "),
      "x-forwarded-proto": "http",
      "x-forwarded-host": client.headers.host ?? "",
      "x-forwarded-path": client.url ?? "",
      "x-forwarded-prefix": "/v1",
      "x-real-ip": address,
      "x-kong-request-id": id,
    };
    const hasBody = body.length > 0 || client.headers["content-length"] !== undefined;
    const length = hasBody ? { "content-length": `${body.length}` } : {};
    const { "content-length": _, expect: __, ...given } = keep(exchange.headers);
    return { ...given, ...own, ...length, ...exchange.added };
  }
}

/** By name in lower case; a header that comes twice has both values. */
function gather(raw: string[]): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    headers[name] = [...(headers[name] ?? []), raw[i + 1] as string];
  }
  return headers;
}

function keep(headers: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}

/** The whole body; null when the client left before its end. */
async function read(client: IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  try {
    for await (const part of client) parts.push(part as Buffer);
  } catch {
    return null;
  }
  return Buffer.concat(parts);
}

function sendOwn(answer: ServerResponse, status: number, message: string, id: string): void {
  answer.writeHead(status, { "content-type": "application/json; charset=utf-8", "x-kong-request-id": id });
  answer.end(JSON.stringify({ message, request_id: id }));
}
