import { randomInt } from "node:crypto";
import { unavailable } from "@oneapi/core";
import { access, type Kong, refusal } from "../plugin/access.ts";
import { NAME } from "../plugin/description.ts";
import { type Config, lacksKey, readConfig } from "../plugin/schema.ts";
import type { Host } from "../relay/host.ts";
import type { Call } from "./frames.ts";
import { type PdkCall, Phase, type Told } from "./phase.ts";

/** Kong waits a minute for each answer, and then goes on without the plugin. */
const PHASE_MS = 20_000;
/** Kong says nothing when a client leaves, or when a call of the PDK fails: then its phase is forgotten. */
const KONG_MS = 65_000;
/** Kong forgets instances when it is reloaded, and makes a new one when an id is unknown here. */
const INSTANCE_MS = 3_600_000;
const SWEEP_MS = 1000;
/** Of both the oldest goes when there are more: for Kong it is unknown then, which serves nobody and ends in a new one. */
const MOST_PHASES = 20_000;
const MOST_INSTANCES = 10_000;

interface Instance {
  /** As Kong gave it. */
  json: unknown;
  config: Config;
  usedAt: number;
}

/** An error that Kong is told in the place of a result. */
class CallError extends Error {}

/**
 * Kong's side of the plugin: instances (one for each configuration and worker of Kong), and phases under way.
 *
 * Ids of both begin at the clock of the start and are never those of a process before: Kong goes on using the ids that it
 * has, and an id given twice would run a request under another route's configuration.
 */
export class PluginServer {
  readonly #host: Host;
  readonly #instances = new Map<number, Instance>();
  readonly #phases = new Map<number, Phase>();
  #lastId = Date.now() * 1000 + randomInt(1000);
  readonly #timer: NodeJS.Timeout;

  constructor(host: Host) {
    this.#host = host;
    this.#timer = setInterval(() => this.sweep(host.clock()), SWEEP_MS);
  }

  /** The result of a call. Rejects with what Kong is told of an error. */
  async answer({ method, args: [first] }: Call): Promise<unknown> {
    switch (method) {
      case "plugin.StartInstance":
        return this.#startInstance(first);
      case "plugin.CloseInstance":
        return this.#closeInstance(first);
      case "plugin.HandleEvent":
        return this.#handleEvent(first);
      case "plugin.StepError":
        return this.#step(first, true);
      case "plugin.Step":
      case "plugin.StepMultiMap":
      case "plugin.StepRoute":
      case "plugin.StepService":
      case "plugin.StepConsumer":
      case "plugin.StepCredential":
      case "plugin.StepMemoryStats":
        return this.#step(first, false);
      default:
        throw new CallError(`method ${method} not implemented`);
    }
  }

  #startInstance(given: unknown): object {
    const { Name, Config } = asRecord(given);
    if (Name !== NAME) throw new CallError(`plugin ${String(Name)} is not here`);
    const json = parse(Config);
    const id = ++this.#lastId;
    const now = this.#host.clock();
    const config = readConfig(json);
    if (lacksKey(config)) this.#host.log("a key of the plugin's configuration is empty: is its vault reference right?");
    this.#instances.set(id, { json, config, usedAt: now });
    if (this.#instances.size > MOST_INSTANCES) this.#instances.delete(oldest(this.#instances));
    return { Name: NAME, Id: id, Config: json, StartTime: now / 1000 };
  }

  #closeInstance(id: unknown): object {
    const { json } = this.#instance(id);
    this.#instances.delete(id as number);
    return { Name: NAME, Id: id, Config: json };
  }

  #instance(id: unknown): Instance {
    const instance = this.#instances.get(id as number);
    // Kong starts the instance anew when it reads these words.
    if (instance === undefined) throw new CallError(`no plugin instance #${String(id)}`);
    return instance;
  }

  async #handleEvent(given: unknown): Promise<object> {
    const { InstanceId, EventName } = asRecord(given);
    const instance = this.#instance(InstanceId);
    instance.usedAt = this.#host.clock();
    const id = ++this.#lastId;
    if (EventName !== "access") return { EventId: id, Data: "ret" };
    const phase = new Phase((error) => this.#failed(error), instance.usedAt);
    this.#phases.set(id, phase);
    if (this.#phases.size > MOST_PHASES) this.#forget(oldest(this.#phases));
    const told = phase.start((kong) => access(this.#host, instance.config, kong as Kong));
    return this.#tell(id, phase, await told);
  }

  async #step(given: unknown, isError: boolean): Promise<object> {
    const { EventId, Data } = asRecord(given);
    const phase = this.#phases.get(EventId as number);
    const error = isError ? String(Data) : undefined;
    const told = phase?.step(isError ? undefined : Data, error, this.#host.clock()) ?? null;
    if (phase === undefined || told === null) throw new CallError(`event id ${String(EventId)} not found`);
    return this.#tell(EventId as number, phase, await told);
  }

  #tell(id: number, phase: Phase, told: Told): object {
    if (phase.over) this.#phases.delete(id);
    return { EventId: id, Data: told };
  }

  /** Kong would serve the request without the plugin: it is refused instead. */
  #failed(error: unknown): PdkCall {
    this.#host.metrics.failedPhases++;
    this.#host.log(`the access phase failed: ${(error as Error).message}`);
    const problem = unavailable("The gateway's plugin failed; try again.", "plugin_failed");
    return { Method: "kong.response.exit", Args: refusal(problem, "") };
  }

  /** Ends what takes too long, and forgets what nobody will ask for. */
  sweep(now: number): void {
    for (const [id, phase] of this.#phases) {
      if (now - phase.since >= (phase.waitsForKong ? KONG_MS : PHASE_MS)) this.#forget(id);
    }
    for (const [id, { usedAt }] of this.#instances) {
      if (now - usedAt >= INSTANCE_MS) this.#instances.delete(id);
    }
  }

  /** Kong is told of a failure, if it waits to be told anything. */
  #forget(id: number): void {
    const phase = this.#phases.get(id);
    this.#phases.delete(id);
    if (phase?.waitsForKong === false) phase.expire();
  }

  /** Phases under way. */
  get busy(): number {
    return this.#phases.size;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function oldest(things: ReadonlyMap<number, unknown>): number {
  const [first = 0] = things.keys();
  return first;
}

function asRecord(given: unknown): Record<string, unknown> {
  if (typeof given !== "object" || given === null) throw new CallError("an argument is missing");
  return given as Record<string, unknown>;
}

function parse(json: unknown): unknown {
  try {
    return JSON.parse(String(json));
  } catch {
    throw new CallError("the configuration is no JSON");
  }
}
