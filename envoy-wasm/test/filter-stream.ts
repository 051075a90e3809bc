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

const BUFFER_REQUEST = 0;
const CONTINUE = 0;
const STOP_NO_BUFFER = 3;

/**
 * One direction, with `allow_on_headers_stop_iteration`. It keeps the states that Envoy keeps (filter_manager.cc and the
 * Wasm extension's context.cc), as the filter may let go of its stream in the middle of a callback.
 */
class Direction implements Sink {
  readonly #stream: FilterStream;
  readonly #host: Host;
  readonly #name: string;
  readonly #map: number;
  readonly #next: Sink;
  /** The filter has stopped headers or data; what follows waits. */
  #stopped = false;
  #headersGone = false;
  /** What waits here; empty data that waits counts. */
  #held: Buffer | null = null;
  /** The last answer was to buffer: the next data joins what is held before the filter sees it. */
  #buffering = false;
  /** What the filter sees while it is called, unless that is what is held. */
  #current: Buffer | null = null;
  #ended = false;

  constructor(stream: FilterStream, host: Host, name: "request" | "response", next: Sink) {
    this.#stream = stream;
    this.#host = host;
    this.#name = name;
    this.#map = name === "request" ? 0 : 2;
    this.#next = next;
  }

  get buffer(): Buffer | null {
    return this.#buffering ? this.#held : this.#current;
  }

  set buffer(bytes: Buffer) {
    if (this.#buffering) this.#held = bytes;
    else this.#current = bytes;
  }

  headers(headers: Headers, end: boolean): void {
    const stream = this.#stream;
    stream.maps.set(this.#map, headers);
    this.#ended = end;
    const answer = this.#host.call(`proxy_on_${this.#name}_headers`, stream.id, headers.length, end ? 1 : 0);
    if (stream.over) return;
    if (answer === CONTINUE) this.#passHeaders(end);
    else this.#stopped = true;
  }

  data(data: Buffer, end: boolean): void {
    const stream = this.#stream;
    if (stream.over) return;
    this.#ended = end;
    this.#current = data;
    if (this.#buffering) this.#hold();
    const size = this.buffer?.length ?? 0;
    // Continuing takes effect here, before the answer does.
    const answer = this.#host.call(`proxy_on_${this.#name}_body`, stream.id, size, end ? 1 : 0);
    if (stream.over) return;
    this.#buffering = false;
    if (answer === CONTINUE && !this.#stopped) this.#next.data(this.#takeCurrent(), end);
    else if (answer === CONTINUE) {
      this.#hold();
      this.continue();
    } else {
      this.#stopped = true;
      this.#buffering = answer !== STOP_NO_BUFFER;
      if (this.#buffering || (end && this.#held === null)) this.#hold();
      this.#current = null;
    }
  }

  /** The filter lets go of what it stopped. */
  continue(): void {
    if (this.#stream.over) return;
    this.#stopped = false;
    const held = this.#held;
    if (!this.#headersGone) this.#passHeaders(this.#ended && held === null);
    if (held === null) return;
    // The buffer stays, empty: a filter can still write into it.
    this.#held = Buffer.alloc(0);
    if (!this.#stream.over) this.#next.data(held, this.#ended);
  }

  #takeCurrent(): Buffer {
    const current = this.#current ?? Buffer.alloc(0);
    this.#current = null;
    return current;
  }

  #hold(): void {
    this.#held = Buffer.concat([this.#held ?? Buffer.alloc(0), this.#takeCurrent()]);
  }

  #passHeaders(end: boolean): void {
    this.#headersGone = true;
    this.#next.headers(this.#stream.maps.get(this.#map) ?? [], end);
  }
}

export class FilterStream implements HostContext {
  readonly id: number;
  readonly root: number;
  readonly maps = new Map<number, Headers>();
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
    this.root = root;
    this.request = new Direction(this, host, "request", onward);
    this.response = new Direction(this, host, "response", back);
    host.contexts.set(this.id, this);
    host.call("proxy_on_context_create", this.id, root);
  }

  buffer(type: number): Buffer | null {
    return (type === BUFFER_REQUEST ? this.request : this.response).buffer;
  }

  setBuffer(type: number, bytes: Buffer): void {
    (type === BUFFER_REQUEST ? this.request : this.response).buffer = bytes;
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
