/**
 * The host's side of the proxy-wasm ABI 0.2.1 (https://github.com/proxy-wasm/spec), enough to run the very module that
 * Envoy runs. What the functions do to a stream is the business of its context; `envoy.ts` plays Envoy with them.
 */
export type Headers = [name: string, value: string][];

export const OK = 0;
export const NOT_FOUND = 1;
export const BAD_ARGUMENT = 2;
export const EMPTY = 7;

/** What the module may ask of the stream or root context in whose name a call is made. */
export interface HostContext {
  readonly id: number;
  /** The root context that it belongs to, or its own id. */
  readonly root: number;
  /** Header maps by their number in the ABI; absent ones cannot be read. */
  readonly maps: Map<number, Headers>;
  /** The buffer of this number in the ABI, or null when there is none now. */
  buffer(type: number): Buffer | null;
  setBuffer(type: number, bytes: Buffer): void;
  property(path: string[]): string | null;
  respond(status: number, headers: Headers, body: Buffer, details: string): void;
  continueStream(type: number): void;
  closeStream(type: number): void;
}

export interface HttpCall {
  token: number;
  /** In whose name it was made, and the root context that gets the answer. */
  context: number;
  root: number;
  cluster: string;
  headers: Headers;
  body: Buffer;
  timeoutMs: number;
}

/** The module's exports; numbers are ids, sizes, flags and the answers of the callbacks. */
type Exports = Record<string, ((...values: number[]) => number) | undefined> & { memory: WebAssembly.Memory };

/** The module trapped: in Envoy this ends every stream of the worker. */
export class Trap extends Error {
  override name = "Trap";
}

export class Host {
  /** Unix time in nanoseconds, as the module sees it. */
  time = 1_790_000_000_000_000_000n;
  readonly logs: { level: number; text: string }[] = [];
  readonly metrics = new Map<string, bigint>();
  readonly calls: HttpCall[] = [];
  /** What the host does once it is done with what it is at. */
  readonly events: (() => void)[] = [];
  /** Whether a cluster is there, to be called. */
  clusters: (name: string) => boolean = () => true;
  /** Milliseconds; 0: no ticks. */
  tickPeriod = 0;
  readonly contexts = new Map<number, HostContext>();
  #exports: Exports;
  #effective = 0;
  #depth = 0;
  #after: (() => void)[] = [];
  #metricNames: string[] = [];
  #queues = new Map<number, { root: number; entries: Buffer[] }>();
  #lastId = 0;
  #lastToken = 0;
  #seed: number;

  /** `seed` makes the module's random bytes. */
  constructor(module: WebAssembly.Module, seed = 1) {
    this.#seed = seed;
    const imports = { env: this.#env(), wasi_snapshot_preview1: this.#wasi() };
    this.#exports = new WebAssembly.Instance(module, imports).exports as unknown as Exports;
    this.#exports._initialize?.();
  }

  /** Bytes of linear memory. */
  get memorySize(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Calls an export in the name of a context; what it asked to be done afterwards is done when the outermost call ends. */
  call(name: string, context: number, ...values: number[]): number {
    const effective = this.#effective;
    this.#effective = context;
    this.#depth += 1;
    let answer = 0;
    try {
      answer = this.#exports[name]?.(context, ...values) ?? 0;
    } catch (problem) {
      const log = this.logs.at(-1)?.text ?? "";
      throw new Trap(`${name}: ${problem instanceof Error ? problem.message : problem} ${log}`);
    } finally {
      this.#depth -= 1;
      this.#effective = effective;
    }
    if (this.#depth === 0) this.#runAfter();
    return answer;
  }

  /** The host's own consequences of a call wait until the module has returned, as in Envoy. */
  later(action: () => void): void {
    this.#after.push(action);
    if (this.#depth === 0) this.#runAfter();
  }

  #runAfter(): void {
    for (let action = this.#after.shift(); action !== undefined; action = this.#after.shift()) action();
  }

  get #context(): HostContext | undefined {
    return this.contexts.get(this.#effective);
  }

  #view(): DataView {
    return new DataView(this.#exports.memory.buffer);
  }

  #bytes(at: number, size: number): Buffer {
    return Buffer.from(Buffer.from(this.#exports.memory.buffer, at >>> 0, size >>> 0));
  }

  #text(at: number, size: number): string {
    return this.#bytes(at, size).toString();
  }

  /** Hands bytes over in memory that the module provides. */
  #give(bytes: Buffer, pointerAt: number, sizeAt: number): number {
    const at = bytes.length === 0 ? 0 : (this.#exports.proxy_on_memory_allocate?.(bytes.length) ?? 0);
    if (bytes.length > 0) Buffer.from(this.#exports.memory.buffer, at >>> 0, bytes.length).set(bytes);
    const view = this.#view();
    view.setUint32(pointerAt, at, true);
    view.setUint32(sizeAt, bytes.length, true);
    return OK;
  }

  #env(): WebAssembly.ModuleImports {
    return {
      proxy_log: (level: number, at: number, size: number) => {
        this.logs.push({ level, text: this.#text(at, size) });
        return OK;
      },
      proxy_get_current_time_nanoseconds: (at: number) => {
        this.#view().setBigUint64(at, this.time, true);
        return OK;
      },
      proxy_set_tick_period_milliseconds: (period: number) => {
        this.tickPeriod = period;
        return OK;
      },
      proxy_set_effective_context: (id: number) => {
        if (!this.contexts.has(id)) return BAD_ARGUMENT;
        this.#effective = id;
        return OK;
      },
      proxy_get_property: (at: number, size: number, pointerAt: number, sizeAt: number) => {
        const value = this.#context?.property(this.#text(at, size).split("\0"));
        return value == null ? NOT_FOUND : this.#give(Buffer.from(value), pointerAt, sizeAt);
      },
      ...this.#bufferFunctions(),
      ...this.#headerFunctions(),
      ...this.#streamFunctions(),
      ...this.#queueFunctions(),
      ...this.#metricFunctions(),
    };
  }

  #bufferFunctions(): WebAssembly.ModuleImports {
    return {
      proxy_get_buffer_bytes: (type: number, start: number, size: number, pointerAt: number, sizeAt: number) => {
        const buffer = this.#context?.buffer(type) ?? null;
        if (buffer === null) return NOT_FOUND;
        return this.#give(buffer.subarray(start, start + size), pointerAt, sizeAt);
      },
      proxy_set_buffer_bytes: (type: number, start: number, size: number, at: number, length: number) => {
        const context = this.#context;
        const buffer = context?.buffer(type) ?? null;
        if (context === undefined || buffer === null) return NOT_FOUND;
        const pieces = [buffer.subarray(0, start), this.#bytes(at, length), buffer.subarray(start + size)];
        context.setBuffer(type, Buffer.concat(pieces));
        return OK;
      },
    };
  }

  #headerFunctions(): WebAssembly.ModuleImports {
    return {
      proxy_get_header_map_pairs: (type: number, pointerAt: number, sizeAt: number) => {
        const map = this.#context?.maps.get(type);
        return map === undefined ? BAD_ARGUMENT : this.#give(writeHeaders(map), pointerAt, sizeAt);
      },
      proxy_set_header_map_pairs: (type: number, at: number, size: number) => {
        const map = this.#context?.maps.get(type);
        if (map === undefined) return BAD_ARGUMENT;
        map.splice(0, map.length, ...readHeaders(this.#bytes(at, size)));
        return OK;
      },
      proxy_get_header_map_value: (type: number, at: number, size: number, pointerAt: number, sizeAt: number) => {
        const value = this.#context?.maps.get(type)?.find(([name]) => name === this.#text(at, size))?.[1];
        return value === undefined ? NOT_FOUND : this.#give(Buffer.from(value), pointerAt, sizeAt);
      },
      proxy_replace_header_map_value: (type: number, at: number, size: number, valueAt: number, valueSize: number) => {
        const map = this.#context?.maps.get(type);
        if (map === undefined) return BAD_ARGUMENT;
        const name = this.#text(at, size);
        const others = map.filter(([other]) => other !== name);
        map.splice(0, map.length, ...others, [name, this.#text(valueAt, valueSize)]);
        return OK;
      },
    };
  }

  #streamFunctions(): WebAssembly.ModuleImports {
    return {
      proxy_send_local_response: (
        ...[status = 0, detailsAt = 0, detailsSize = 0, bodyAt = 0, bodySize = 0, mapAt = 0, mapSize = 0]: number[]
      ) => {
        const context = this.#context;
        if (context === undefined) return BAD_ARGUMENT;
        const headers = readHeaders(this.#bytes(mapAt, mapSize));
        const body = this.#bytes(bodyAt, bodySize);
        const details = this.#text(detailsAt, detailsSize);
        this.later(() => context.respond(status, headers, body, details));
        return OK;
      },
      proxy_continue_stream: (type: number) => {
        const context = this.#context;
        if (context === undefined) return BAD_ARGUMENT;
        this.later(() => context.continueStream(type));
        return OK;
      },
      proxy_close_stream: (type: number) => {
        const context = this.#context;
        if (context === undefined) return BAD_ARGUMENT;
        this.later(() => context.closeStream(type));
        return OK;
      },
      proxy_http_call: (
        ...[
          at = 0,
          size = 0,
          mapAt = 0,
          mapSize = 0,
          bodyAt = 0,
          bodySize = 0,
          ,
          ,
          timeoutMs = 0,
          tokenAt = 0,
        ]: number[]
      ) => {
        if (!this.clusters(this.#text(at, size))) return BAD_ARGUMENT;
        this.#lastToken += 1;
        this.calls.push({
          token: this.#lastToken,
          context: this.#effective,
          root: this.#context?.root ?? 0,
          cluster: this.#text(at, size),
          headers: readHeaders(this.#bytes(mapAt, mapSize)),
          body: this.#bytes(bodyAt, bodySize),
          timeoutMs,
        });
        this.#view().setUint32(tokenAt, this.#lastToken, true);
        return OK;
      },
    };
  }

  #queueFunctions(): WebAssembly.ModuleImports {
    return {
      proxy_register_shared_queue: (_at: number, _size: number, tokenAt: number) => {
        const token = this.#queues.size + 1;
        this.#queues.set(token, { root: this.#effective, entries: [] });
        this.#view().setUint32(tokenAt, token, true);
        return OK;
      },
      proxy_enqueue_shared_queue: (token: number, at: number, size: number) => {
        const queue = this.#queues.get(token);
        if (queue === undefined) return NOT_FOUND;
        queue.entries.push(this.#bytes(at, size));
        this.events.push(() => this.call("proxy_on_queue_ready", queue.root, token));
        return OK;
      },
      proxy_dequeue_shared_queue: (token: number, pointerAt: number, sizeAt: number) => {
        const entry = this.#queues.get(token)?.entries.shift();
        return entry === undefined ? EMPTY : this.#give(entry, pointerAt, sizeAt);
      },
    };
  }

  #metricFunctions(): WebAssembly.ModuleImports {
    const add = (id: number, value: bigint, before: bigint) => {
      const name = this.#metricNames[id];
      if (name === undefined) return BAD_ARGUMENT;
      this.metrics.set(name, before + value);
      return OK;
    };
    return {
      proxy_define_metric: (_type: number, at: number, size: number, idAt: number) => {
        const name = this.#text(at, size);
        this.#view().setUint32(idAt, this.#metricNames.push(name) - 1, true);
        this.metrics.set(name, 0n);
        return OK;
      },
      proxy_increment_metric: (id: number, by: bigint) =>
        add(id, by, this.metrics.get(this.#metricNames[id] ?? "") ?? 0n),
      proxy_record_metric: (id: number, value: bigint) => add(id, value, 0n),
    };
  }

  #wasi(): WebAssembly.ModuleImports {
    return {
      random_get: (at: number, size: number) => {
        const view = this.#view();
        for (let i = 0; i < size; i++) {
          this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) | 0;
          view.setUint8(at + i, this.#seed >>> 24);
        }
        return 0;
      },
    };
  }
}

/** A count, the sizes of each name and value, then these, each with a NUL. */
function writeHeaders(headers: Headers): Buffer {
  const texts = headers.flat().map((text) => Buffer.from(text));
  const sizes = Buffer.alloc(4 + texts.length * 4);
  sizes.writeUInt32LE(headers.length, 0);
  for (const [index, text] of texts.entries()) sizes.writeUInt32LE(text.length, 4 + index * 4);
  return Buffer.concat([sizes, ...texts.flatMap((text) => [text, Buffer.alloc(1)])]);
}

function readHeaders(bytes: Buffer): Headers {
  if (bytes.length < 4) return [];
  const count = bytes.readUInt32LE(0);
  let at = 4 + count * 8;
  const text = (index: number) => {
    const size = bytes.readUInt32LE(4 + index * 4);
    const value = bytes.toString("utf8", at, at + size);
    at += size + 1;
    return value;
  };
  return Array.from({ length: count }, (_, index) => [text(index * 2), text(index * 2 + 1)]);
}
