import { Limit, limitsWithin, readLimits } from "../admission/limit.ts";
import { Rates } from "../admission/price.ts";
import { Capabilities } from "../capabilities.ts";
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
  /** The protocol's list of the model's limits, which count within each project; null without any. */
  private readonly limits: Json | null;
  /** The same by project, made when it is met. */
  private readonly byProject: Map<string, Array<Limit>> = new Map<string, Array<Limit>>();

  constructor(name: string, route: Route, strict: boolean, disabled: boolean, limits: Json | null) {
    this.name = name;
    this.route = route;
    this.strict = strict;
    this.disabled = disabled;
    this.limits = limits;
    const all = orders(route);
    for (let i: i32 = 0; i < all.length; i++) this.clusters.push(orderName(route, all[i]!));
  }

  hasLimits(): boolean {
    return this.limits != null;
  }

  /** The model's limits within a project. */
  limitsIn(project: string): Array<Limit> {
    if (this.byProject.has(project)) return this.byProject.get(project)!;
    const limits = limitsWithin(this.limits, project, this.name);
    this.byProject.set(project, limits);
    return limits;
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
    provider.connectMs = timeouts.count32("connect_ms", 0);
    provider.firstTokenMs = timeouts.count32("first_token_ms", 0);
    provider.idleMs = timeouts.count32("idle_ms", 0);
    provider.totalMs = timeouts.count32("total_ms", 0);
  }
  provider.tls = json.flag("tls");
  const options = json.value("options");
  if (options != null && options.kind === OBJECT) provider.options = options;
  provider.disabled = json.flag("disabled");
  provider.limits = readLimits(json.value("limits"));
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
      const credentials = providers.get(provider)!.credentials.length;
      const priority = entry.count32("priority", 0);
      const target = new RouteTarget(provider, model, priority, entry.count32("weight", 1), credentials);
      target.rates = Rates.read(entry.value("rates"));
      const capabilities = entry.value("capabilities");
      if (capabilities != null) target.capabilities = Capabilities.read(capabilities);
      targets.push(target);
    }
    entry = entry.next;
  }
  const route = new Route(targets, json.count32("retries", 2));
  const limits = json.value("limits");
  return new Model(
    json.string("name", ""),
    route,
    json.string("unsupported", "drop") === "reject",
    json.flag("disabled"),
    limits != null && limits.kind === ARRAY && limits.first() != null ? limits : null,
  );
}
