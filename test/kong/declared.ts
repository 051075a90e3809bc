/** Kong's declarative configuration, as far as this stand-in has it. */
import type { Exchange } from "./plugin.ts";

export interface PluginSettings {
  name: string;
  config?: Record<string, unknown>;
}

export interface Consumer {
  id: string;
  username?: string;
  custom_id?: string;
}

interface DeclaredConsumer extends Partial<Consumer> {
  keyauth_credentials?: { key: string }[];
  plugins?: PluginSettings[];
}

interface DeclaredRoute {
  name?: string;
  paths: string[];
  strip_path?: boolean;
  plugins?: PluginSettings[];
}

export interface Declared {
  services: {
    name?: string;
    url: string;
    read_timeout?: number;
    routes: DeclaredRoute[];
    plugins?: PluginSettings[];
  }[];
  consumers?: DeclaredConsumer[];
  plugins?: PluginSettings[];
}

export interface Route {
  /** Begins the paths of its requests, and is taken away from them if it says so. */
  path: string;
  stripPath: boolean;
  url: string;
  readTimeoutMs: number;
  /** Those of the route before those of its service, and these before Kong's. */
  plugins: PluginSettings[];
}

/** The longest path first, as Kong's router tries them. */
export function routesOf({ services, plugins = [] }: Declared): Route[] {
  const routes = services.flatMap((service) =>
    service.routes.flatMap((route) =>
      route.paths.map((path) => ({
        path,
        stripPath: route.strip_path ?? true,
        url: service.url,
        readTimeoutMs: service.read_timeout ?? 60_000,
        plugins: [...(route.plugins ?? []), ...(service.plugins ?? []), ...plugins],
      })),
    ),
  );
  return routes.sort((one, other) => other.path.length - one.path.length);
}

/** Where a request with this path (as the router takes it) and query goes at the service. */
export function upstreamUrl(route: Route, path: string, query: string): URL {
  const rest = route.stripPath ? path.slice(route.path.length) : path;
  const url = new URL(route.url);
  url.pathname = rest.startsWith("/") ? rest : `/${rest}`;
  url.search = query;
  return url;
}

/** The consumers, with their credentials and the plugins that are scoped to them. */
export class Consumers {
  readonly #all: { consumer: Consumer; keys: string[]; plugins: PluginSettings[] }[];

  constructor(declared: DeclaredConsumer[] = []) {
    this.#all = declared.map(({ id, keyauth_credentials: credentials = [], plugins = [], ...names }, at) => ({
      consumer: { id: id ?? `00000000-0000-4000-8000-${String(at).padStart(12, "0")}`, ...names },
      keys: credentials.map(({ key }) => key),
      plugins,
    }));
  }

  pluginsOf(consumer: Consumer | null): PluginSettings[] {
    return this.#all.find((one) => one.consumer === consumer)?.plugins ?? [];
  }

  /** What key-auth does. @see https://developer.konghq.com/plugins/key-auth/ */
  authenticate({ config = {} }: PluginSettings, exchange: Exchange): void {
    const { key_names: names = ["apikey"], anonymous } = config as { key_names?: string[]; anonymous?: string };
    const sent = names.map((name) => exchange.headers[name.toLowerCase()]?.[0]).find((key) => key !== undefined);
    const known = this.#all.find(({ keys }) => sent !== undefined && keys.includes(sent));
    const taken = known ?? this.#all.find(({ consumer }) => [consumer.username, consumer.id].includes(anonymous));
    if (taken === undefined) {
      const message = sent === undefined ? "No API key found in request" : "Unauthorized";
      exchange.exit = { status: 401, body: JSON.stringify({ message }), headers: { "www-authenticate": "Key" } };
      return;
    }
    exchange.consumer = taken.consumer;
    exchange.added["x-consumer-id"] = taken.consumer.id;
    if (known === undefined) exchange.added["x-anonymous-consumer"] = "true";
  }
}
