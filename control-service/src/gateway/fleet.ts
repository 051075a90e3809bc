import { Ledger } from "../ledger/ledger.ts";
import { Limits } from "../limits/limits.ts";
import { createMetrics, type Metrics } from "../metrics/metrics.ts";
import { Reaper } from "../operations/reaper.ts";
import type { Services } from "../services.ts";
import type { Change } from "../store/changes.ts";
import { ClusterSets } from "../xds/cluster-sets.ts";
import { KeyCache } from "./key-cache.ts";
import { currentDiscovery, Nodes } from "./nodes.ts";
import { Signal } from "./signal.ts";
import { readSnapshot, type Snapshot } from "./snapshot.ts";

const RELOAD_RETRY_MS = 1000;

/**
 * Everything that the gateways are told and have told: the configuration and the keys in memory, kept up to date by the
 * database's notifications, so that an idle gateway costs no query.
 */
export class Fleet {
  readonly services: Services;
  readonly metrics: Metrics;
  readonly ledger: Ledger;
  readonly reaper: Reaper;
  readonly keys: KeyCache;
  readonly clusters: ClusterSets;
  readonly limits: Limits;
  readonly nodes = new Nodes();
  /** Pulses when the configuration, a key or a node's clusters change; calls holders of leases that have notes. */
  readonly changed: Signal;
  #snapshot: Snapshot;
  readonly #stale = new Set<Change>();
  #reloading: Promise<void> | null = null;
  readonly #closing = new AbortController();
  readonly #unsubscribe: () => void;

  private constructor(
    services: Services,
    parts: Pick<Fleet, "metrics" | "ledger" | "keys" | "limits" | "changed">,
    snapshot: Snapshot,
  ) {
    this.services = services;
    this.metrics = parts.metrics;
    this.ledger = parts.ledger;
    this.reaper = new Reaper(services, parts.ledger);
    this.keys = parts.keys;
    this.limits = parts.limits;
    this.changed = parts.changed;
    this.clusters = new ClusterSets(snapshot, services.clock);
    this.#snapshot = snapshot;
    this.#unsubscribe = services.database.changes.subscribe((change) => this.#reload(change));
    this.#showVersions();
  }

  static async open(services: Services): Promise<Fleet> {
    const metrics = createMetrics();
    const ledger = await Ledger.open({ ...services, metrics });
    const keys = await KeyCache.open(services.database, services.clock);
    const snapshot = await readSnapshot(services);
    await ledger.prices.enforce(snapshot.prices, new Date(services.clock.now()));
    const changed = new Signal();
    const limits = await Limits.open(services, metrics, (holder) => changed.call(holder));
    const fleet = new Fleet(services, { metrics, ledger, keys, limits, changed }, snapshot);
    // What changed while this was read was not heard.
    fleet.#reload("config");
    fleet.#reload("keys");
    await fleet.settled();
    return fleet;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** True once the service shuts down: whatever waits is woken and has to answer. */
  get closing(): boolean {
    return this.#closing.signal.aborted;
  }

  /**
   * The configuration that a node may be given, or null for "keep what you hold". An Envoy gets one only when it has the
   * clusters that the filter will name; a node that gets no clusters from here brings its own.
   */
  configFor(name: string): Snapshot | null {
    const discovery = currentDiscovery(this.nodes.get(name), this.services.clock.now());
    if (discovery === null) return this.#snapshot;
    if (discovery.held === this.clusters.for(discovery.files).version) discovery.accepted = this.#snapshot;
    return discovery.accepted;
  }

  /** Brings the metric of connected gateways up to date. */
  countGateways(): void {
    const now = this.services.clock.now();
    for (const kind of ["envoy", "kong"] as const) {
      this.metrics.gateways.set({ kind }, this.nodes.connected(kind, now));
    }
  }

  /** Resolves when no reload is under way. */
  async settled(): Promise<void> {
    while (this.#reloading !== null) await this.#reloading;
  }

  /** Lets go of every waiting request and stops listening. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.changed.pulse();
    this.#unsubscribe();
    await this.settled();
    await this.reaper.close();
    await this.limits.close();
  }

  #reload(change: Change): void {
    this.#stale.add(change);
    this.#reloading ??= this.#reloadAll().finally(() => {
      this.#reloading = null;
    });
  }

  /** Reads what is stale until nothing is; changes that come in meanwhile are read once more, not once each. */
  async #reloadAll(): Promise<void> {
    while (this.#stale.size > 0 && !this.closing) {
      const config = this.#stale.has("config");
      const keys = this.#stale.has("keys");
      this.#stale.clear();
      try {
        if (keys) await this.keys.refresh();
        if (config) await this.#reloadConfig();
        await this.limits.refresh();
        this.#showVersions();
        this.changed.pulse();
      } catch (error) {
        this.services.logger.error({ err: error }, "cannot read what changed; gateways keep what they hold");
        if (keys) this.#stale.add("keys");
        if (config) this.#stale.add("config");
        await new Signal().next(RELOAD_RETRY_MS, this.#closing.signal);
      }
    }
  }

  async #reloadConfig(): Promise<void> {
    const next = await readSnapshot(this.services);
    await this.ledger.prices.enforce(next.prices, new Date(this.services.clock.now()));
    if (next.config.version === this.#snapshot.config.version) return;
    this.clusters.update(next);
    this.#snapshot = next;
    this.services.logger.info({ version: next.config.version }, "gateways get a new configuration");
  }

  #showVersions(): void {
    this.metrics.config.reset();
    this.metrics.config.set({ version: this.#snapshot.config.version }, 1);
    this.metrics.keyRevision.set(this.keys.revision);
  }
}
