import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Snapshot } from "../gateway/snapshot.ts";
import {
  buildClusters,
  type JsonObject,
  type NodeFiles,
  type ProviderEndpoint,
  type ProviderOrder,
} from "./clusters.ts";

/** Operations that began under an older configuration still find their clusters for so long. */
export const LINGER_MS = 60_000;

/** Nodes share their files' paths nearly always; more different ones than this are not worth remembering. */
const MAX_SETS = 64;

const CLUSTER_TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

/** All clusters for the nodes with the same files. */
export interface ClusterSet {
  /** Hash of the clusters: equal sets have equal versions, on every instance and after every restart. */
  readonly version: string;
  /** The DiscoveryResponse as JSON text. */
  readonly response: string;
}

/** The clusters of the configuration in force and of what left it less than a minute ago. */
export class ClusterSets {
  readonly #clock: Clock;
  #snapshot: Snapshot;
  readonly #leavingOrders = new Map<string, { readonly order: ProviderOrder; readonly until: number }>();
  readonly #leavingEndpoints = new Map<string, { readonly endpoint: ProviderEndpoint; readonly until: number }>();
  #sets = new Map<string, ClusterSet>();

  constructor(snapshot: Snapshot, clock: Clock) {
    this.#snapshot = snapshot;
    this.#clock = clock;
  }

  /** Takes a new configuration over. */
  update(next: Snapshot): void {
    const until = this.#clock.now() + LINGER_MS;
    for (const [name, order] of this.#snapshot.orders) {
      if (!next.orders.has(name)) this.#leavingOrders.set(name, { order, until });
    }
    for (const [name, endpoint] of this.#snapshot.endpoints) {
      if (!next.endpoints.has(name)) this.#leavingEndpoints.set(name, { endpoint, until });
    }
    this.#snapshot = next;
    this.#sets = new Map();
  }

  for(files: NodeFiles): ClusterSet {
    this.#forgetLeft();
    const place = JSON.stringify([files.wasm, files.ca]);
    const known = this.#sets.get(place);
    if (known !== undefined) return known;
    const set = makeSet(this.#clusters(files));
    if (this.#sets.size >= MAX_SETS) this.#sets.clear();
    this.#sets.set(place, set);
    return set;
  }

  #clusters(files: NodeFiles): JsonObject[] {
    const endpoints = new Map(this.#snapshot.endpoints);
    for (const [name, { endpoint }] of this.#leavingEndpoints) if (!endpoints.has(name)) endpoints.set(name, endpoint);
    const orders = new Map(this.#snapshot.orders);
    for (const [name, { order }] of this.#leavingOrders) if (!orders.has(name)) orders.set(name, order);
    return buildClusters(endpoints, orders.values(), files);
  }

  #forgetLeft(): void {
    const now = this.#clock.now();
    for (const leaving of [this.#leavingOrders, this.#leavingEndpoints]) {
      for (const [name, { until }] of leaving) {
        if (until > now) continue;
        leaving.delete(name);
        this.#sets = new Map();
      }
    }
  }
}

function makeSet(clusters: readonly JsonObject[]): ClusterSet {
  const version = createHash("sha256").update(JSON.stringify(clusters)).digest("hex").slice(0, 16);
  const resources = clusters.map((cluster) => ({ "@type": CLUSTER_TYPE, ...cluster }));
  return { version, response: JSON.stringify({ version_info: version, resources, type_url: CLUSTER_TYPE }) };
}
