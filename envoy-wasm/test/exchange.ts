import { DOWNSTREAM, type Envoy, type ProviderAnswer, type ProviderCall, UPSTREAM } from "./envoy.ts";
import { FilterStream, type Sink } from "./filter-stream.ts";
import type { Headers } from "./host.ts";

/** What reached the client so far. */
export interface ClientView {
  status: number;
  headers: Headers;
  chunks: Buffer[];
  ended: boolean;
  /** The connection broke before the answer was complete. */
  broken: boolean;
}

const RETRIED = new Set([401, 402, 403, 408, 409, 429]);

/** One client call through both roles. */
export class Exchange {
  readonly client: ClientView = { status: 0, headers: [], chunks: [], ended: false, broken: false };
  readonly calls: ProviderCall[] = [];
  #envoy: Envoy;
  #downstream: FilterStream;
  /** Straight to the client. */
  #codec: Sink;
  #answering = false;
  #upstream: FilterStream | null = null;
  #details = "via_upstream";
  /** What the router got of the client, to be sent again on a retry. */
  #request: { headers: Headers; body: Buffer } = { headers: [], body: Buffer.alloc(0) };
  #order: string[] = [];
  #retries = 0;
  /** The router's timeout for each try; 0: none. */
  #patienceMs = 0;
  #triedAt = 0n;
  #attempt = 0;

  constructor(envoy: Envoy) {
    this.#envoy = envoy;
    const router: Sink = {
      headers: (headers, end) => this.#route(headers, end),
      data: (data, end) => {
        this.#request.body = Buffer.concat([this.#request.body, data]);
        if (end) this.#try();
      },
    };
    const codec: Sink = {
      headers: (headers, end) => {
        Object.assign(this.client, { headers, status: Number(headerOf(headers, ":status")) });
        if (end) this.#finish();
      },
      data: (data, end) => {
        if (data.length > 0) this.client.chunks.push(Buffer.from(data));
        if (end) this.#finish();
      },
    };
    this.#codec = codec;
    this.#downstream = new FilterStream(envoy.host, DOWNSTREAM, router, codec, {
      property: (path) => this.#property(path),
      respond: (status, headers, body, details) => this.#localReply(status, headers, body, details),
      close: () => this.#breakOff("local_close"),
    });
  }

  /** Whether this context is that of the attempt under way. */
  owns(context: number): boolean {
    return this.#upstream?.id === context;
  }

  start(headers: Headers, pieces: Buffer[]): void {
    // No client steers the router: the listener takes every address for an outside one (deploy/envoy/listener.ts).
    const own = headers.filter(([name]) => !name.startsWith("x-envoy-"));
    this.#downstream.request.headers(own, pieces.length === 0);
    for (const [index, piece] of pieces.entries()) {
      if (this.client.status !== 0) return;
      this.#downstream.request.data(piece, index === pieces.length - 1);
    }
  }

  /** The client is gone: Envoy takes its own side down first. */
  leave(): void {
    if (this.client.ended || this.client.broken) return;
    this.#details = "downstream_remote_disconnect";
    this.client.broken = true;
    this.#close();
    this.#dropUpstream();
  }

  /** Breaks the client's connection from here: the router has ended its upstream request before. */
  #breakOff(details: string): void {
    if (this.client.ended || this.client.broken) return;
    this.#details = details;
    this.#dropUpstream();
    this.client.broken = true;
    this.#close();
  }

  /** More of a provider's answer that was left open: each piece is an event. */
  provide(pieces: Buffer[], end: ProviderAnswer["end"]): void {
    const upstream = this.#upstream;
    const post = (event: () => void) =>
      this.#envoy.host.events.push(() => {
        if (upstream !== null && this.#upstream === upstream) event();
      });
    const writes = end === "end" && pieces.length === 0 ? [Buffer.alloc(0)] : pieces;
    for (const [index, piece] of writes.entries()) {
      post(() => upstream?.response.data(piece, end === "end" && index === writes.length - 1));
    }
    if (end === "reset") post(() => this.#reset());
  }

  #property(path: string[]): string | null {
    const name = path.join(".");
    if (name === "response.code_details") return this.#details;
    if (name === "source.address") return "192.0.2.7:5432";
    return null;
  }

  #route(headers: Headers, end: boolean): void {
    this.#order = headerOf(headers, "x-oneapi-cluster").replace("oneapi-order:", "").split(">");
    this.#retries = Number(headerOf(headers, "x-envoy-max-retries") || "0");
    this.#patienceMs = Number(headerOf(headers, "x-envoy-upstream-rq-per-try-timeout-ms") || "0");
    this.#request = { headers, body: Buffer.alloc(0) };
    if (end) this.#try();
  }

  /** Sends the request to the provider whose turn it is. */
  #try(): void {
    const provider = this.#order[this.#attempt] ?? "";
    const call: ProviderCall = { provider, headers: [], body: Buffer.alloc(0) };
    const wire: Sink = {
      headers: (headers) => {
        call.headers = headers;
      },
      data: (data, end) => {
        call.body = Buffer.concat([call.body, data]);
        if (end) this.#ask(call);
      },
    };
    const back: Sink = {
      headers: (headers, end) => this.#fromUpstream(headers, end),
      data: (data, end) => {
        if (this.#upstream === upstream) this.#downstream.response.data(data, end);
      },
    };
    const upstream = new FilterStream(this.#envoy.host, UPSTREAM, wire, back, {
      property: (path) =>
        path.join(".") === "xds.upstream_host_metadata.filter_metadata.oneapi.provider" ? provider : null,
      respond: (status, headers, body, details) => this.#localReply(status, headers, body, details),
      close: () => this.#reset(),
    });
    this.#upstream = upstream;
    this.#triedAt = this.#envoy.host.time;
    upstream.request.headers(
      this.#request.headers.map(([name, value]) => [name, value]),
      false,
    );
    if (this.#upstream === upstream) upstream.request.data(this.#request.body, true);
  }

  #ask(call: ProviderCall): void {
    this.calls.push(call);
    checkLength("request to a provider", call.headers, call.body.length);
    const answer = this.#envoy.world.provider(call);
    if (answer === null) {
      this.provide([], "reset");
      return;
    }
    const upstream = this.#upstream;
    const empty = answer.pieces.length === 0 && answer.end === "end";
    this.#envoy.host.events.push(() => {
      if (this.#upstream === upstream) {
        upstream?.response.headers([[":status", String(answer.status)], ...answer.headers], empty);
      }
    });
    if (!empty) this.provide(answer.pieces, answer.end);
  }

  /** The router looks at an attempt's status: a retry, or on to the client. */
  #fromUpstream(headers: Headers, end: boolean): void {
    const status = Number(headerOf(headers, ":status"));
    if ((status >= 500 || RETRIED.has(status)) && this.#attempt < this.#retries) this.#retry();
    else {
      this.#answering = true;
      this.#downstream.response.headers(headers, end);
    }
  }

  #retry(): void {
    this.#dropUpstream();
    this.#attempt += 1;
    this.#try();
  }

  /** Ends a try whose time is over before the router got its answer. */
  expire(): void {
    const over = this.#envoy.host.time - this.#triedAt >= BigInt(this.#patienceMs) * 1_000_000n;
    if (this.#upstream === null || this.#answering || this.#patienceMs === 0 || !over) return;
    this.#fail(504, "upstream request timeout", "upstream_per_try_timeout");
  }

  /** The provider's connection broke. */
  #reset(): void {
    if (this.#upstream === null) return;
    if (this.client.status !== 0) this.#breakOff("upstream_reset_after_response_started");
    else this.#fail(503, "upstream connect error", "upstream_reset_before_response_started{connection_termination}");
  }

  #fail(status: number, text: string, details: string): void {
    if (this.#attempt < this.#retries) this.#retry();
    else this.#localReply(status, [["content-type", "text/plain"]], Buffer.from(text), details);
  }

  #localReply(status: number, headers: Headers, body: Buffer, details: string): void {
    this.#details = details;
    this.#dropUpstream();
    const map: Headers = [[":status", String(status)], ["content-length", String(body.length)], ...headers];
    // In the middle of an answer that the filter holds, the reply takes its place and passes no filter again.
    const way = this.#answering ? this.#codec : this.#downstream.response;
    this.#answering = true;
    way.headers(map, body.length === 0);
    if (body.length > 0) way.data(body, true);
  }

  #dropUpstream(): void {
    const upstream = this.#upstream;
    this.#upstream = null;
    upstream?.delete();
  }

  #finish(): void {
    this.client.ended = true;
    const size = this.client.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    checkLength("answer to the client", this.client.headers, size);
    // Envoy takes its streams apart once the client has all.
    this.#envoy.host.later(() => {
      this.#dropUpstream();
      this.#close();
    });
  }

  #close(): void {
    this.#downstream.delete();
    this.#envoy.forget(this);
  }
}

export function headerOf(headers: Headers, name: string): string {
  return headers.find(([other]) => other === name)?.[1] ?? "";
}

/** Envoy sends the length that the headers tell: another one breaks the connection. */
function checkLength(what: string, headers: Headers, size: number): void {
  const told = headerOf(headers, "content-length");
  if (told !== "" && Number(told) !== size) throw new Error(`${what}: content-length ${told}, but ${size} bytes`);
}
