/** One worker of Kong: a request's way through routes, authentication and the external plugin to its service. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Consumers, type Declared, type PluginSettings, type Route, routesOf } from "./declared.ts";
import { configOf, type Description } from "./description.ts";
import { type Exchange, ExternalPlugin, NoInstance } from "./plugin.ts";
import type { PluginRpc } from "./plugin-rpc.ts";
import { gather, KongProxy, sendOwn } from "./proxy.ts";

export interface WorkerSettings {
  declared: Declared;
  /** Of the external plugin. */
  description: Description;
  rpc: PluginRpc;
  log: (text: string) => void;
}

export class KongWorker {
  readonly #description: Description;
  readonly #rpc: PluginRpc;
  readonly #log: (text: string) => void;
  readonly #routes: Route[];
  readonly #consumers: Consumers;
  readonly #proxy = new KongProxy();
  readonly #plugins = new Map<PluginSettings, ExternalPlugin>();
  #active = 0;
  #retired = false;

  constructor({ declared, description, rpc, log }: WorkerSettings) {
    if (description.Phases.join() !== "access") throw new Error("this stand-in runs the access phase only");
    this.#description = description;
    this.#rpc = rpc;
    this.#log = log;
    this.#routes = routesOf(declared);
    this.#consumers = new Consumers(declared.consumers);
    for (const route of this.#routes) this.#externalOf(route, null);
  }

  async serve(client: IncomingMessage, answer: ServerResponse): Promise<void> {
    this.#active++;
    answer.once("close", () => {
      this.#active--;
      this.#endWhenIdle();
    });
    client.on("error", () => {});
    const id = randomBytes(16).toString("hex");
    const [given = ""] = (client.url ?? "").split("?");
    const path = given.replace(/\/{2,}/g, "/");
    const route = this.#routes.find((one) => path.startsWith(one.path));
    if (route === undefined) {
      sendOwn(answer, 404, "no Route matched with those values", id);
      return;
    }
    const headers = gather(client.rawHeaders);
    const exchange: Exchange = { headers, path, consumer: null, added: {}, exit: null };
    try {
      await this.#access(route, exchange);
    } catch (error) {
      if (!(error instanceof NoInstance)) throw error;
      sendOwn(answer, 500, "An unexpected error occurred", id);
      return;
    }
    if (exchange.exit === null) {
      await this.#proxy.pass(client, answer, exchange, route, id);
      return;
    }
    const { status, body, headers: own } = exchange.exit;
    client.resume();
    answer.writeHead(status, { ...own, "content-length": Buffer.byteLength(body), "x-kong-request-id": id });
    answer.end(body);
  }

  /** Authentication, and then the external plugin by its lower priority. */
  async #access(route: Route, exchange: Exchange): Promise<void> {
    const authentication = route.plugins.find(({ name }) => name === "key-auth");
    if (authentication !== undefined) this.#consumers.authenticate(authentication, exchange);
    if (exchange.exit === null) await this.#externalOf(route, exchange)?.run("access", exchange);
  }

  /** The plugin by the most particular of its configurations. */
  #externalOf(route: Route, exchange: Exchange | null): ExternalPlugin | null {
    const { Name } = this.#description;
    const scoped = this.#consumers.pluginsOf(exchange?.consumer ?? null);
    const settings = [...scoped, ...route.plugins].find(({ name }) => name === Name);
    if (settings === undefined) return null;
    let plugin = this.#plugins.get(settings);
    if (plugin === undefined) {
      plugin = new ExternalPlugin(this.#rpc, Name, configOf(this.#description, settings), this.#log);
      this.#plugins.set(settings, plugin);
    }
    return plugin;
  }

  /** There is a new worker: this one ends when the requests that it has are answered. */
  retire(): void {
    this.#retired = true;
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (!this.#retired || this.#active > 0) return;
    this.#rpc.close();
    this.#proxy.close();
  }
}
