/** One context of the filter between its two neighbours: who gets what, and when, by the answers of its callbacks. */
import type { Headers, Host, HostContext } from "./host.ts";

/** Takes one direction of a stream. */
export interface Sink {
  headers(headers: Headers, end: boolean): void;
  data(data: Buffer, end: boolean): void;
}

export interface StreamHooks {
  property(path: string[]): string | null;
  respond(status: number, headers: Headers, body: Buffer, details: string): void;
  close(): void;
}

const CONTINUE = 0;
const STOP_NO_BUFFER = 3;

/** One direction, with `allow_on_headers_stop_iteration`: stopped headers wait, the body still comes to the filter. */
class Direction implements Sink {
  #stream: FilterStream;
  #host: Host;
  #map: number;
  #buffer: number;
  #name: string;
  #next: Sink;
  /** Headers have come but not gone on. */
  #waiting = false;
  /** What the filter asked to be buffered. */
  #held: Buffer | null = null;
  #ended = false;

  constructor(stream: FilterStream, host: Host, name: "request" | "response", next: Sink) {
    this.#stream = stream;
    this.#host = host;
    this.#name = name;
    this.#map = name === "request" ? 0 : 2;
    this.#buffer = name === "request" ? 0 : 1;
    this.#next = next;
  }

  headers(headers: Headers, end: boolean): void {
    const stream = this.#stream;
    stream.maps.set(this.#map, headers);
    this.#waiting = true;
    this.#ended = end;
    const answer = this.#host.call(`proxy_on_${this.#name}_headers`, stream.id, headers.length, end ? 1 : 0);
    if (answer === CONTINUE && !stream.over) this.#passHeaders(end);
  }

  data(data: Buffer, end: boolean): void {
    const stream = this.#stream;
    if (stream.over) return;
    const all = this.#held === null ? data : Buffer.concat([this.#held, data]);
    stream.buffers.set(this.#buffer, all);
    this.#ended = end;
    const answer = this.#host.call(`proxy_on_${this.#name}_body`, stream.id, all.length, end ? 1 : 0);
    if (stream.over) return;
    const left = stream.buffers.get(this.#buffer) ?? all;
    stream.buffers.delete(this.#buffer);
    if (answer === STOP_NO_BUFFER) return;
    if (answer !== CONTINUE) {
      this.#held = left;
      return;
    }
    this.#held = null;
    if (this.#waiting) this.#passHeaders(false);
    if (!stream.over) this.#next.data(left, end);
  }

  /** The filter has let go of what it stopped. */
  continue(): void {
    if (this.#stream.over) return;
    const held = this.#held;
    this.#held = null;
    if (this.#waiting) this.#passHeaders(this.#ended && held === null);
    if (held !== null && !this.#stream.over) this.#next.data(held, this.#ended);
  }

  #passHeaders(end: boolean): void {
    this.#waiting = false;
    this.#next.headers(this.#stream.maps.get(this.#map) ?? [], end);
  }
}

export class FilterStream implements HostContext {
  readonly id: number;
  readonly maps = new Map<number, Headers>();
  readonly buffers = new Map<number, Buffer>();
  readonly request: Direction;
  readonly response: Direction;
  /** Nothing more passes: the stream was answered or taken down from here. */
  over = false;
  #host: Host;
  #hooks: StreamHooks;
  #deleted = false;

  constructor(host: Host, root: number, onward: Sink, back: Sink, hooks: StreamHooks) {
    this.#host = host;
    this.#hooks = hooks;
    this.id = host.nextId();
    this.request = new Direction(this, host, "request", onward);
    this.response = new Direction(this, host, "response", back);
    host.contexts.set(this.id, this);
    host.call("proxy_on_context_create", this.id, root);
  }

  property(path: string[]): string | null {
    return this.#hooks.property(path);
  }

  respond(status: number, headers: Headers, body: Buffer, details: string): void {
    if (!this.#deleted) this.#hooks.respond(status, headers, body, details);
  }

  continueStream(type: number): void {
    if (!this.#deleted) (type === 0 ? this.request : this.response).continue();
  }

  closeStream(): void {
    if (!this.#deleted) this.#hooks.close();
  }

  delete(): void {
    if (this.#deleted) return;
    this.#deleted = true;
    this.over = true;
    for (const step of ["proxy_on_done", "proxy_on_log", "proxy_on_delete"]) this.#host.call(step, this.id);
    this.#host.contexts.delete(this.id);
  }
}
