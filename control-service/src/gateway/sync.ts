import {
  GATEWAY_PROTOCOL_VERSION,
  type LeaseAnswer,
  type LeaseRequest,
  MAX_WAIT_MS,
  type SyncRequest,
  type SyncResponse,
} from "@oneapi/contract";
import type { Source } from "../ledger/source.ts";
import { holderOf } from "../limits/lost-holders.ts";
import { openOperations } from "../operations/open-operations.ts";
import type { Fleet } from "./fleet.ts";
import { countUnauthenticated } from "./nodes.ts";

/**
 * Answers one sync as JSON text. Records are committed before; a request that asks for nothing new waits up to its
 * `wait_ms` for something to tell, one that brings records, asks for keys or speaks of leases is answered at once.
 *
 * @param gone fires when the gateway hangs up.
 */
export async function answerSync(fleet: Fleet, request: SyncRequest, gone: AbortSignal): Promise<string> {
  const { node: name, epoch } = request;
  const node = fleet.nodes.touch(name, request.kind);
  node.lastSyncAt = fleet.services.clock.now();
  node.configVersion = request.config_version;
  node.keyRevision = request.key_revision;
  if (request.unauthenticated !== undefined) {
    const fresh = countUnauthenticated(node, epoch, request.unauthenticated.sequence);
    if (fresh > 0) fleet.metrics.unauthenticated.inc({ gateway: name }, fresh);
  }
  const source = { node: name, epoch };
  const answered = fleet.reaper.hears(source);
  try {
    return await answer(fleet, request, source, gone);
  } finally {
    answered();
  }
}

async function answer(fleet: Fleet, request: SyncRequest, source: Source, gone: AbortSignal): Promise<string> {
  const { keys, records, operations } = request;
  if (operations.length > 0) {
    const now = new Date(fleet.services.clock.now());
    await openOperations(fleet.services.database.query, source, operations, now);
  }
  const delivery =
    records.length > 0
      ? await fleet.ledger.deliver(source, records)
      : { acknowledged: await fleet.ledger.acknowledged(source), mistakes: [] };
  const isPoll = records.length === 0 && keys.length === 0 && operations.length === 0 && request.leases === undefined;
  if (isPoll) await waitForNews(fleet, request, gone);
  fleet.metrics.syncs.inc({ kind: request.kind });
  return respond(fleet, request, {
    acknowledged: delivery.acknowledged,
    ...(operations.length > 0 && { opened: true }),
    ...(delivery.mistakes.length > 0 && { rejected: [...delivery.mistakes] }),
    ...(request.leases && { leases: await answerLeases(fleet, request.leases, source, records) }),
    // A gateway that hung up hears nothing: the notes wait for its next poll.
    ...(isPoll && !gone.aborted && notesFor(fleet, source)),
  });
}

async function answerLeases(
  { limits }: Fleet,
  leases: LeaseRequest,
  source: Source,
  records: readonly unknown[],
): Promise<LeaseAnswer> {
  return leases.gone === true
    ? await limits.settle(source, leases.sequence, records)
    : await limits.answer(holderOf(source), leases);
}

function notesFor(fleet: Fleet, source: Source): Pick<SyncResponse, "limits"> {
  const limits = fleet.limits.takeNotes(holderOf(source));
  return limits.length > 0 ? { limits } : {};
}

async function waitForNews(fleet: Fleet, request: SyncRequest, gone: AbortSignal): Promise<void> {
  const end = performance.now() + Math.min(request.wait_ms, MAX_WAIT_MS);
  fleet.metrics.polls.inc();
  try {
    while (!isNews(fleet, request) && !gone.aborted && !fleet.closing) {
      const left = end - performance.now();
      if (left <= 0) return;
      await fleet.changed.next(left, gone, holderOf(request));
    }
  } finally {
    fleet.metrics.polls.dec();
  }
}

function isNews(fleet: Fleet, request: SyncRequest): boolean {
  if (request.key_revision !== fleet.keys.revision) return true;
  if (fleet.limits.hasNotes(holderOf(request))) return true;
  const snapshot = fleet.configFor(request.node);
  return snapshot !== null && snapshot.config.version !== request.config_version;
}

async function respond(
  fleet: Fleet,
  request: SyncRequest,
  own: Pick<SyncResponse, "acknowledged" | "opened" | "rejected" | "leases" | "limits">,
): Promise<string> {
  // Before anything is looked up: the keys below may be newer than the revision, but never older.
  const revision = fleet.keys.revision;
  const news = await fleet.keys.newsSince(request.key_revision);
  const keys = await fleet.keys.resolve(request.keys);
  const snapshot = fleet.configFor(request.node);
  const response: SyncResponse = {
    version: GATEWAY_PROTOCOL_VERSION,
    now_ms: fleet.services.clock.now(),
    config_version: snapshot?.config.version ?? request.config_version,
    key_revision: revision,
    keys_reset: news.reset,
    changed_keys: [...news.hashes],
    keys,
    ...own,
  };
  const text = JSON.stringify(response);
  // The configuration's text is made once for all gateways.
  if (snapshot === null || snapshot.config.version === request.config_version) return text;
  return `${text.slice(0, -1)},"config":${snapshot.json}}`;
}
