import type { Fleet } from "../gateway/fleet.ts";
import type { Discovery } from "../gateway/nodes.ts";
import type { NodeFiles } from "./clusters.ts";

/**
 * How long a request is held when there is nothing new. Envoy asks again only 0.25 to 0.5 s after an answer, so holding
 * brings a change to it at once and halves the requests; it stays below the 1 s that Envoy waits by default.
 */
const HOLD_MS = 500;

/**
 * From so many answers with the same clusters on they count as refused. Envoy 1.40 sends no `error_detail` over REST: a
 * refusal shows only in that it goes on asking with the version it had.
 */
const OFFERS_OF_A_REFUSAL = 3;

export interface DiscoveryCall {
  readonly name: string;
  readonly files: NodeFiles;
  /** Version of the clusters that the Envoy runs with, "" for none. */
  readonly held: string;
  readonly error: string | null;
}

/** Answers one cluster discovery: the response's text, or null when the Envoy has everything. */
export async function answerDiscovery(fleet: Fleet, call: DiscoveryCall, gone: AbortSignal): Promise<string | null> {
  const discovery = note(fleet, call);
  const end = performance.now() + HOLD_MS;
  let set = fleet.clusters.for(call.files);
  while (set.version === call.held) {
    const left = end - performance.now();
    if (left <= 0 || gone.aborted || fleet.closing) {
      fleet.metrics.xdsRequests.inc({ answer: "unchanged" });
      return null;
    }
    await fleet.changed.next(left, gone);
    set = fleet.clusters.for(call.files);
  }
  discovery.offers = discovery.offered === set.version ? discovery.offers + 1 : 1;
  discovery.offered = set.version;
  fleet.metrics.xdsRequests.inc({ answer: "clusters" });
  return set.response;
}

/** Writes down what the call says of its node. */
function note(fleet: Fleet, { name, files, held, error }: DiscoveryCall): Discovery {
  const now = fleet.services.clock.now();
  const node = fleet.nodes.touch(name, "envoy");
  const discovery: Discovery = node.discovery ?? {
    seenAt: now,
    files,
    held: "",
    offered: "",
    offers: 0,
    accepted: null,
    error: null,
  };
  node.discovery = discovery;
  discovery.seenAt = now;
  discovery.files = files;
  discovery.held = held;
  if (held === fleet.clusters.for(files).version) {
    discovery.error = null;
    if (discovery.accepted !== fleet.snapshot) {
      discovery.accepted = fleet.snapshot;
      fleet.changed.pulse();
    }
    return discovery;
  }
  // Without a version it has just started and runs with no clusters at all.
  if (held === "") discovery.accepted = null;
  const refused = discovery.offers === OFFERS_OF_A_REFUSAL && discovery.offered !== held;
  if (error !== null || refused) {
    const message = error ?? "goes on asking with the version it had; its own log says why";
    discovery.error = { at: now, message };
    fleet.metrics.xdsRejections.inc({ gateway: name });
    fleet.services.logger.error({ node: name, held, offered: discovery.offered, message }, "an Envoy refuses clusters");
  }
  return discovery;
}
