import type { NodeFiles } from "../xds/clusters.ts";
import type { Snapshot } from "./snapshot.ts";

/** A node that has not asked for clusters for so long gets them from somewhere else by now. */
const DISCOVERY_MEMORY_MS = 60_000;
const CONNECTED_MS = 60_000;
/** Names come from whoever has the gateway token; the longest unheard of is forgotten first. */
const MAX_NODES = 10_000;
const MAX_EPOCHS = 1024;

/** What is known of an Envoy's clusters. */
export interface Discovery {
  seenAt: number;
  files: NodeFiles;
  /** Version of the clusters that it runs with, "" for none. */
  held: string;
  /** Version that it was given last, and in how many answers. */
  offered: string;
  offers: number;
  /** The newest configuration whose clusters it has accepted. */
  accepted: Snapshot | null;
  error: { readonly at: number; readonly message: string } | null;
}

/** A gateway as this instance sees it. */
export interface Node {
  readonly name: string;
  kind: "envoy" | "kong";
  lastSyncAt: number | null;
  configVersion: string;
  keyRevision: number;
  discovery: Discovery | null;
  /** Refused operations that were counted, by epoch. */
  readonly unauthenticated: Map<string, number>;
}

/** The gateways that this instance has heard of. */
export class Nodes {
  readonly #byName = new Map<string, Node>();

  /** The node of that name, known from now on and the freshest of all. */
  touch(name: string, kind: Node["kind"]): Node {
    const node = this.#byName.get(name) ?? {
      name,
      kind,
      lastSyncAt: null,
      configVersion: "",
      keyRevision: -1,
      discovery: null,
      unauthenticated: new Map(),
    };
    node.kind = kind;
    this.#byName.delete(name);
    this.#byName.set(name, node);
    const oldest = this.#byName.keys().next();
    if (this.#byName.size > MAX_NODES && !oldest.done) this.#byName.delete(oldest.value);
    return node;
  }

  get(name: string): Node | undefined {
    return this.#byName.get(name);
  }

  list(): Node[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** How many of a kind were heard of in the last minute. */
  connected(kind: Node["kind"], now: number): number {
    let count = 0;
    for (const node of this.#byName.values()) {
      const seenAt = Math.max(node.lastSyncAt ?? 0, node.discovery?.seenAt ?? 0);
      if (node.kind === kind && seenAt > now - CONNECTED_MS) count++;
    }
    return count;
  }
}

/** The node's discovery if it still takes place. */
export function currentDiscovery(node: Node | undefined, now: number): Discovery | null {
  const discovery = node?.discovery ?? null;
  return discovery !== null && discovery.seenAt > now - DISCOVERY_MEMORY_MS ? discovery : null;
}

/** How many refused operations are new: an epoch's total only grows, so what is delivered twice counts once. */
export function countUnauthenticated(node: Node, epoch: string, total: number): number {
  const known = node.unauthenticated.get(epoch) ?? 0;
  node.unauthenticated.delete(epoch);
  node.unauthenticated.set(epoch, Math.max(known, total));
  const oldest = node.unauthenticated.keys().next();
  if (node.unauthenticated.size > MAX_EPOCHS && !oldest.done) node.unauthenticated.delete(oldest.value);
  return Math.max(0, total - known);
}
