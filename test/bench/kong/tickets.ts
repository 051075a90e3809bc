/** Asks the plugin what a Kong would ask before it calls the relay. */
import { type Exchange, ExternalPlugin } from "../../kong/plugin.ts";
import { PluginRpc } from "../../kong/plugin-rpc.ts";

/** The header by which the relay knows whom the plugin has let through. */
export const TICKET_HEADER = "x-oneapi-ticket";

/** As many requests are before the plugin at a time. */
const AT_A_TIME = 8;

/** A Kong's side of the plugin's socket, with the very conversation that a Kong has for each request. */
export class PluginClient {
  readonly #rpc: PluginRpc;
  readonly #plugin: ExternalPlugin;
  #failure = "";

  constructor(socket: string) {
    this.#rpc = new PluginRpc(socket);
    this.#plugin = new ExternalPlugin(this.#rpc, "oneapi", { model_name_header: false }, (text) => {
      this.#failure = text;
    });
  }

  /** So many one-time tickets for the relay. Rejects when the plugin does not let a request through. */
  async tickets(count: number, authorization: string): Promise<string[]> {
    const tickets: string[] = [];
    await this.#inTurns(count, AT_A_TIME, async () => {
      const { added, exit } = await this.#access(authorization);
      const ticket = added[TICKET_HEADER];
      if (ticket === undefined) throw new Error(`the plugin gave no ticket: ${exit?.body ?? this.#failure}`);
      tickets.push(ticket);
    });
    return tickets;
  }

  /** Asks so often for requests with a key that is refused, `key(n)`; null: without any. Rejects when one is let through. */
  async refusals(count: number, atATime: number, key: (request: number) => string | null): Promise<void> {
    await this.#inTurns(count, atATime, async (request) => {
      const name = key(request);
      const { exit } = await this.#access(name === null ? null : `Bearer ${name}`);
      if (exit?.status !== 401) throw new Error(`the plugin answered ${exit?.status ?? `nothing: ${this.#failure}`}`);
    });
  }

  async #access(authorization: string | null) {
    const headers = {
      ...{ host: ["127.0.0.1:8000"], "content-type": ["application/json"], "content-length": ["1000"] },
      ...(authorization !== null && { authorization: [authorization] }),
    };
    const exchange: Exchange = { headers, path: "/v1/chat/completions", consumer: null, added: {}, exit: null };
    await this.#plugin.run("access", exchange);
    return exchange;
  }

  async #inTurns(count: number, atATime: number, ask: (turn: number) => Promise<void>): Promise<void> {
    let begun = 0;
    const goOn = async () => {
      while (begun < count) await ask(begun++);
    };
    await Promise.all(Array.from({ length: atATime }, goOn));
  }

  close(): void {
    this.#rpc.close();
  }
}
