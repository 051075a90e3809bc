import type { FastifyInstance } from "fastify";
import type { Fleet } from "../gateway/fleet.ts";
import type { Node } from "../gateway/nodes.ts";

/** `GET /gateways` under `/admin/v1`: the gateways that this instance has heard of, and how far behind they are. */
export async function gatewayListRoutes(app: FastifyInstance, { fleet }: { fleet: Fleet }): Promise<void> {
  app.get("/gateways", async () => {
    return { items: fleet.nodes.list().map((node) => describe(node, fleet)), next: null };
  });
}

function describe(node: Node, fleet: Fleet) {
  const { discovery } = node;
  const wanted = discovery && fleet.clusters.for(discovery.files).version;
  return {
    name: node.name,
    kind: node.kind,
    last_sync_at: instant(node.lastSyncAt),
    config_version: node.configVersion,
    config_current: node.configVersion === fleet.snapshot.config.version,
    key_revision: node.keyRevision,
    clusters: discovery && {
      last_seen_at: instant(discovery.seenAt),
      version: discovery.held,
      current: discovery.held === wanted,
      error: discovery.error && { at: instant(discovery.error.at), message: discovery.error.message },
    },
  };
}

function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
