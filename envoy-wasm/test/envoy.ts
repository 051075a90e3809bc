/**
 * Plays what Envoy does around the filter: the connection manager downstream, the router with its retries from provider
 * to provider, the filter's two roles, calls to the control service, and time. Everything happens at once, in the order
 * in which Envoy's event loop would do it.
 */
import { Exchange } from "./exchange.ts";
import { type Headers, Host, type HostContext, type HttpCall } from "./host.ts";

/** What a provider does with a request. */
export interface ProviderAnswer {
  status: number;
  headers: Headers;
  /** One write each. */
  pieces: Buffer[];
  /** `reset` in place of an end, `open` leaves the stream as it is. */
  end: "end" | "reset" | "open";
}

export interface ProviderCall {
  provider: string;
  headers: Headers;
  body: Buffer;
}

export interface World {
  /** null: the connection breaks before any answer. */
  provider(call: ProviderCall): ProviderAnswer | null;
  /** The answer's body to a message for the control service; null: it is held. */
  control(message: Buffer): Buffer | null;
}

export const DOWNSTREAM = 1;
export const UPSTREAM = 2;
const MAP_CALL_RESPONSE = 6;
const BUFFER_CALL_RESPONSE = 4;
const BUFFER_PLUGIN_CONFIGURATION = 7;
const PROVIDER_CLUSTER = "oneapi-provider:";
/** What Envoy says in the place of a provider. */
const UNREACHED: ProviderAnswer = {
  ...{ status: 503, headers: [["content-type", "text/plain"]], end: "end" },
  pieces: [Buffer.from("upstream connect error or disconnect/reset before headers")],
};

export class Envoy {
  readonly host: Host;
  readonly world: World;
  #roots = new Map<number, HostContext>();
  #rootBuffers = new Map<number, Buffer>();
  #exchanges = new Set<Exchange>();

  constructor(module: WebAssembly.Module, world: World, seed?: number) {
    this.host = new Host(module, seed);
    this.world = world;
    this.#addRoot(DOWNSTREAM, "downstream", {
      node: "envoy-1",
      control_cluster: "oneapi-control",
      token: "gateway-token",
    });
    this.#addRoot(UPSTREAM, "upstream", {});
    this.tick();
  }

  #addRoot(id: number, name: string, configuration: object): void {
    while (this.host.nextId() < id);
    const text = Buffer.from(JSON.stringify(configuration));
    this.#rootBuffers.set(BUFFER_PLUGIN_CONFIGURATION, text);
    const unexpected = () => {
      throw new Error("a root context has no stream");
    };
    const root: HostContext = {
      id,
      root: id,
      maps: new Map(),
      buffer: (type) => this.#rootBuffers.get(type) ?? null,
      setBuffer: unexpected,
      property: (path) => (path.join(".") === "plugin_root_id" ? name : null),
      respond: unexpected,
      continueStream: unexpected,
      closeStream: unexpected,
    };
    this.#roots.set(id, root);
    this.host.contexts.set(id, root);
    this.host.call("proxy_on_context_create", id, 0);
    this.host.call("proxy_on_vm_start", id, 0);
    if (this.host.call("proxy_on_configure", id, text.length) !== 1)
      throw new Error(`${name} refused its configuration`);
  }

  /** Lets time pass, by default one period, and does what is due then. */
  tick(milliseconds = this.host.tickPeriod): void {
    this.host.time += BigInt(milliseconds) * 1_000_000n;
    for (const exchange of this.#exchanges) exchange.expire();
    this.host.call("proxy_on_tick", DOWNSTREAM);
    this.settle();
  }

  /**
   * Runs the event loop until nothing is left to do: what was put off, what providers answer, and the filter's own calls.
   * Those that the control service holds stay in `host.calls`.
   */
  settle(): void {
    const held: HttpCall[] = [];
    for (;;) {
      // Events add events, which the loop reaches too.
      for (const event of this.host.events) event();
      this.host.events.length = 0;
      const calls = this.host.calls.splice(0);
      if (calls.length === 0) break;
      for (const call of calls) {
        if (call.cluster.startsWith(PROVIDER_CLUSTER)) this.#askProvider(call);
        else if (!this.#askControl(call)) held.push(call);
      }
    }
    this.host.calls.push(...held);
  }

  /** Answers a call to the control service; false when it is held. */
  #askControl(call: HttpCall): boolean {
    if (call.context !== call.root) throw new Error("the control service was called in the name of a stream");
    const body = this.world.control(call.body);
    if (body !== null) this.answer(call, 200, body);
    return body !== null;
  }

  /** A call that an attempt makes beside its own: it reaches the provider at once, and is answered as an event. */
  #askProvider(call: HttpCall): void {
    const seen = { provider: call.cluster.slice(PROVIDER_CLUSTER.length), headers: call.headers, body: call.body };
    for (const exchange of this.#exchanges) if (exchange.owns(call.context)) exchange.calls.push(seen);
    const { status, pieces, headers } = this.world.provider(seen) ?? UNREACHED;
    this.host.events.push(() => this.answer(call, status, Buffer.concat(pieces), headers));
  }

  /** Answers a call of the filter's; status 0: nobody did. */
  answer(call: HttpCall, status: number, body: Buffer, others: Headers = []): void {
    const headers: Headers = status === 0 ? [] : [[":status", String(status)], ...others];
    this.#roots.get(call.root)?.maps.set(MAP_CALL_RESPONSE, headers);
    this.#rootBuffers.set(BUFFER_CALL_RESPONSE, body);
    this.host.call("proxy_on_http_call_response", call.root, call.token, headers.length, body.length, 0);
  }

  /** All clients are gone. */
  leaveAll(): void {
    for (const exchange of this.#exchanges) exchange.leave();
  }

  forget(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
  }

  /** Sends a client's request, its body in these pieces (none: the headers are the end). */
  send(headers: Headers, pieces: Buffer[]): Exchange {
    const exchange = new Exchange(this);
    this.#exchanges.add(exchange);
    exchange.start(headers, pieces);
    this.settle();
    return exchange;
  }
}
