import { Provider } from "../exchange.ts";
import { ARRAY, Json, OBJECT, STRING } from "../json.ts";
import { orderName, orders, Route, RouteTarget } from "../route.ts";

/** A public model name, and what may serve it. */
export class Model {
  readonly name: string;
  /** The targets whose providers are in use. */
  readonly route: Route;
  /** The cluster of each of the route's orders. */
  readonly clusters: Array<string> = new Array<string>();
  /** `unsupported: reject`. */
  readonly strict: boolean;
  readonly disabled: boolean;

  constructor(name: string, route: Route, strict: boolean, disabled: boolean) {
    this.name = name;
    this.route = route;
    this.strict = strict;
    this.disabled = disabled;
    const all = orders(route);
    for (let i: i32 = 0; i < all.length; i++) this.clusters.push(orderName(route, all[i]!));
  }

  /** The cluster of `order`, which is one of the route's. */
  cluster(order: Array<i32>): string {
    const all = this.route.orders;
    for (let i: i32 = 0; i < all.length; i++) {
      if (all[i] === order) return this.clusters[i]!;
    }
    return orderName(this.route, order);
  }
}

/** What the control service has configured, as a gateway needs it. Read once, then unchanging. */
export class Config {
  readonly version: string;
  readonly providers: Map<string, Provider> = new Map<string, Provider>();
  readonly models: Map<string, Model> = new Map<string, Model>();
  /** In configured order. */
  readonly modelNames: Array<string> = new Array<string>();

  constructor(version: string) {
    this.version = version;
  }

  /** Reads the protocol's `config`; what is not understood is left out. */
  static read(json: Json): Config {
    const config = new Config(json.string("version", ""));
    const providers = json.value("providers");
    let entry: Json | null = null;
    if (providers != null) entry = providers.first();
    while (entry != null) {
      const provider = readProvider(entry);
      config.providers.set(provider.name, provider);
      entry = entry.next;
    }
    const models = json.value("models");
    entry = null;
    if (models != null) entry = models.first();
    while (entry != null) {
      const model = readModel(entry, config.providers);
      config.models.set(model.name, model);
      config.modelNames.push(model.name);
      entry = entry.next;
    }
    return config;
  }

  provider(name: string): Provider | null {
    return this.providers.has(name) ? this.providers.get(name)! : null;
  }

  model(name: string): Model | null {
    return this.models.has(name) ? this.models.get(name)! : null;
  }
}

function readProvider(json: Json): Provider {
  const provider = new Provider(
    json.string("name", ""),
    json.string("kind", ""),
    json.string("authority", ""),
    json.string("path", ""),
    json.string("query", ""),
  );
  const credentials = json.value("credentials");
  let credential: Json | null = null;
  if (credentials != null && credentials.kind === ARRAY) credential = credentials.first();
  while (credential != null) {
    if (credential.kind === STRING) provider.credentials.push(credential.text());
    credential = credential.next;
  }
  const timeouts = json.value("timeouts");
  if (timeouts != null) {
    provider.firstTokenMs = timeouts.count32("first_token_ms", 0);
    provider.idleMs = timeouts.count32("idle_ms", 0);
    provider.totalMs = timeouts.count32("total_ms", 0);
  }
  const options = json.value("options");
  if (options != null && options.kind === OBJECT) provider.options = options;
  provider.disabled = json.flag("disabled");
  return provider;
}

function readModel(json: Json, providers: Map<string, Provider>): Model {
  const targets = new Array<RouteTarget>();
  const list = json.value("targets");
  let entry: Json | null = null;
  if (list != null) entry = list.first();
  while (entry != null) {
    const provider = entry.string("provider", "");
    if (providers.has(provider) && !providers.get(provider)!.disabled) {
      const model = entry.string("model", "");
      targets.push(new RouteTarget(provider, model, entry.count32("priority", 0), entry.count32("weight", 1)));
    }
    entry = entry.next;
  }
  const route = new Route(targets, json.count32("retries", 2));
  return new Model(
    json.string("name", ""),
    route,
    json.string("unsupported", "drop") === "reject",
    json.flag("disabled"),
  );
}
