/** How Kong runs an external plugin: instances made when they are needed, phases step by step, and on without it when it fails. */
import { randomUUID } from "node:crypto";
import type { Consumer } from "./declared.ts";
import { type PluginRpc, RpcError } from "./plugin-rpc.ts";

/** A request, as the PDK shows and changes it. */
export interface Exchange {
  headers: Record<string, string[]>;
  path: string;
  /** Whom an authentication plugin has found. */
  consumer: Consumer | null;
  /** What goes to the service beside the client's headers, or in their place. */
  readonly added: Record<string, string>;
  /** The plugin's answer. */
  exit: { status: number; body: string; headers: Record<string, string> } | null;
}

interface Told {
  EventId: number;
  Data: "ret" | { Method: string; Args: unknown[] };
}

/** Kong cannot even start the plugin's instance: it answers 500. */
export class NoInstance extends Error {}

/** One configuration of the plugin in one worker. */
export class ExternalPlugin {
  readonly #rpc: PluginRpc;
  readonly #name: string;
  #config: Record<string, unknown>;
  readonly #log: (text: string) => void;
  #instance: Promise<number> | null = null;

  constructor(rpc: PluginRpc, name: string, config: object, log: (text: string) => void) {
    const [service, plugin, workspace] = [randomUUID(), randomUUID(), randomUUID()];
    this.#rpc = rpc;
    this.#name = name;
    this.#log = log;
    this.#config = {
      ...config,
      __key__: `plugins:${name}::${service}:::${workspace}`,
      ...{ __plugin_id: plugin, __seq__: 1, __ws_id: workspace, service_id: service },
    };
  }

  /** Runs the phase. Throws {@link NoInstance} when there is none to run it. */
  async run(phase: string, exchange: Exchange): Promise<void> {
    const instance = await this.#start().catch((error: Error) => {
      throw new NoInstance(error.message);
    });
    try {
      await this.#converse(await this.#handle(instance, phase), exchange);
    } catch (error) {
      this.#log(`[error] ${this.#name}.${phase}: ${(error as Error).message}; the request goes on without it`);
    }
  }

  /** The configuration has been changed: a new instance takes the requests from now on, and then the old one is closed. */
  async configure(config: object): Promise<void> {
    const old = this.#instance;
    this.#config = { ...this.#config, ...config, __seq__: Number(this.#config.__seq__) + 1 };
    this.#instance = null;
    await this.#start();
    if (old !== null) await this.#rpc.call("plugin.CloseInstance", await old);
  }

  #start(): Promise<number> {
    const Config = JSON.stringify(this.#config);
    this.#instance ??= this.#rpc.call("plugin.StartInstance", { Name: this.#name, Config }).then(
      (started) => (started as { Id: number }).Id,
      (error: Error) => {
        this.#instance = null;
        throw error;
      },
    );
    return this.#instance;
  }

  async #handle(instance: number, phase: string): Promise<Told> {
    const event = (id: number) => this.#rpc.call("plugin.HandleEvent", { InstanceId: id, EventName: phase });
    try {
      return (await event(instance)) as Told;
    } catch (error) {
      if (!(error instanceof RpcError) || !error.message.includes("no plugin instance")) throw error;
      // Another request may have had a new one made already.
      if ((await this.#instance) === instance) this.#instance = null;
      return (await event(await this.#start())) as Told;
    }
  }

  async #converse(first: Told, exchange: Exchange): Promise<void> {
    for (let { EventId, Data } = first; Data !== "ret"; ) {
      const { Method, Args } = Data;
      const value = callPdk(Method, Args, exchange);
      if (exchange.exit !== null) return;
      ({ EventId, Data } = (await this.#rpc.call(stepAfter(Method), { Data: value, EventId })) as Told);
    }
  }
}

function stepAfter(method: string): string {
  if (method.endsWith(".get_headers")) return "plugin.StepMultiMap";
  return method === "kong.client.get_consumer" ? "plugin.StepConsumer" : "plugin.Step";
}

/** What the method of Kong's PDK gives. Throws for what this stand-in does not have: Kong would answer 500 or go on. */
function callPdk(method: string, args: unknown[], exchange: Exchange): unknown {
  switch (method) {
    case "kong.client.get_consumer":
      return exchange.consumer;
    case "kong.request.get_headers":
      return Object.fromEntries(Object.entries(exchange.headers).slice(0, Number(args[0] ?? 100)));
    case "kong.request.get_path":
      return exchange.path;
    case "kong.service.request.set_headers":
      Object.assign(exchange.added, args[0]);
      return undefined;
    case "kong.response.exit": {
      const [status, body, headers] = args as [number, string, Record<string, string>];
      exchange.exit = { status, body, headers };
      return undefined;
    }
    default:
      throw new Error(`${method} is not in this stand-in`);
  }
}
