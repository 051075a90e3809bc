/** Kong's HTTP: what it adds and takes away, and what it buffers. */
import { Agent, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Route, upstreamUrl } from "./declared.ts";
import type { Exchange } from "./plugin.ts";

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

/** A worker's connections to services. */
export class KongProxy {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, timeout: 60_000 });

  /** Passes the request on, once the whole body is there, and the answer back. */
  async pass(client: IncomingMessage, answer: ServerResponse, exchange: Exchange, route: Route, id: string) {
    // nginx connects to the service once it has the whole body.
    const body = await read(client);
    if (body === null) return;
    const [, query = ""] = (client.url ?? "").split(/\?(.*)/s);
    const call = request(upstreamUrl(route, exchange.path, query), {
      method: client.method ?? "GET",
      headers: headersOf(client, exchange, route, body, id),
      agent: this.#agent,
      timeout: route.readTimeoutMs,
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

  close(): void {
    this.#agent.destroy();
  }
}

function headersOf(
  client: IncomingMessage,
  exchange: Exchange,
  route: Route,
  body: Buffer,
  id: string,
): Record<string, string | string[]> {
  const address = (client.socket as Socket).remoteAddress ?? "";
  const own = {
    host: new URL(route.url).host,
    via: VIA,
    "x-forwarded-for": [client.headers["x-forwarded-for"], address].filter(Boolean).join(", "),
    "x-forwarded-proto": "http",
    "x-forwarded-host": client.headers.host ?? "",
    "x-forwarded-path": client.url ?? "",
    "x-forwarded-prefix": route.path,
    "x-real-ip": address,
    "x-kong-request-id": id,
  };
  const hasBody = body.length > 0 || client.headers["content-length"] !== undefined;
  const length = hasBody ? { "content-length": `${body.length}` } : {};
  const { "content-length": _, expect: __, ...given } = keep(exchange.headers);
  return { ...given, ...own, ...length, ...exchange.added };
}

/** By name in lower case; a header that comes twice has both values. */
export function gather(raw: string[]): Record<string, string[]> {
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

/** Kong's own words. */
export function sendOwn(answer: ServerResponse, status: number, message: string, id: string): void {
  answer.writeHead(status, { "content-type": "application/json; charset=utf-8", "x-kong-request-id": id });
  answer.end(JSON.stringify({ message, request_id: id }));
}
