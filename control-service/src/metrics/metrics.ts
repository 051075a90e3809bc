import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Every metric of the control service, on a registry of its own so that tests do not share counts. */
export interface Metrics {
  readonly registry: Registry;
  readonly records: Counter<"outcome">;
  readonly duplicateRecords: Counter;
  readonly rejectedRecords: Counter;
  readonly lostRecords: Counter<"gateway">;
  readonly sequenceGaps: Counter<"gateway">;
  readonly unauthenticated: Counter<"gateway">;
  readonly ingestSeconds: Histogram;
  readonly syncs: Counter<"kind">;
  readonly refusedSyncs: Counter;
  readonly polls: Gauge;
  readonly gateways: Gauge<"kind">;
  readonly config: Gauge<"version">;
  readonly keyRevision: Gauge;
  readonly leaseGrants: Counter;
  readonly leaseDenials: Counter;
  readonly leaseNotes: Counter;
  readonly lostHolders: Counter;
  readonly limitCounters: Gauge;
  readonly redisErrors: Counter;
  readonly xdsRequests: Counter<"answer">;
  readonly xdsRejections: Counter<"gateway">;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    records: new Counter({
      name: "oneapi_records_total",
      help: "Usage records stored, by outcome",
      labelNames: ["outcome"],
      registers,
    }),
    duplicateRecords: new Counter({
      name: "oneapi_records_duplicate_total",
      help: "Usage records delivered again and not stored twice",
      registers,
    }),
    rejectedRecords: new Counter({
      name: "oneapi_records_rejected_total",
      help: "Usage records that could not be understood or reuse an operation id; they are in rejected_records",
      registers,
    }),
    lostRecords: new Counter({
      name: "oneapi_records_lost_total",
      help: "Usage records that a gateway numbered but never delivered",
      labelNames: ["gateway"],
      registers,
    }),
    sequenceGaps: new Counter({
      name: "oneapi_record_sequence_gaps_total",
      help: "Gaps seen in a gateway's record numbers; most close again",
      labelNames: ["gateway"],
      registers,
    }),
    unauthenticated: new Counter({
      name: "oneapi_unauthenticated_operations_total",
      help: "Operations that gateways refused for want of a known key",
      labelNames: ["gateway"],
      registers,
    }),
    ingestSeconds: new Histogram({
      name: "oneapi_ingest_seconds",
      help: "Time from a batch of usage records to its commit",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
    syncs: new Counter({
      name: "oneapi_gateway_syncs_total",
      help: "Sync calls answered",
      labelNames: ["kind"],
      registers,
    }),
    refusedSyncs: new Counter({
      name: "oneapi_gateway_syncs_refused_total",
      help: "Sync calls with usage records that were refused for want of room; gateways send them again",
      registers,
    }),
    polls: new Gauge({ name: "oneapi_gateway_polls", help: "Sync calls held open now", registers }),
    gateways: new Gauge({
      name: "oneapi_gateways",
      help: "Gateways heard of in the last minute",
      labelNames: ["kind"],
      registers,
    }),
    config: new Gauge({
      name: "oneapi_config_info",
      help: "1 for the version of the configuration that gateways are given",
      labelNames: ["version"],
      registers,
    }),
    keyRevision: new Gauge({ name: "oneapi_key_revision", help: "Revision of the keys", registers }),
    leaseGrants: new Counter({
      name: "oneapi_lease_grants_total",
      help: "Reports of gateways on a limit that were granted all they needed",
      registers,
    }),
    leaseDenials: new Counter({
      name: "oneapi_lease_denials_total",
      help: "Reports of gateways on a limit that were granted less than they needed",
      registers,
    }),
    leaseNotes: new Counter({
      name: "oneapi_lease_notes_total",
      help: "Notes to gateways to return idle units of a limit, or to ask again",
      registers,
    }),
    lostHolders: new Counter({
      name: "oneapi_lease_holders_lost_total",
      help: "Gateway processes that were not heard of any more and whose leases ended",
      registers,
    }),
    limitCounters: new Gauge({
      name: "oneapi_limit_counters",
      help: "Counters of limits held, one for each window; with Redis, its keys",
      registers,
    }),
    redisErrors: new Counter({
      name: "oneapi_redis_errors_total",
      help: "Commands to Redis that failed or were not answered in time",
      registers,
    }),
    xdsRequests: new Counter({
      name: "oneapi_xds_requests_total",
      help: "Cluster discovery requests, by answer: clusters or unchanged",
      labelNames: ["answer"],
      registers,
    }),
    xdsRejections: new Counter({
      name: "oneapi_xds_rejections_total",
      help: "Clusters that an Envoy refused",
      labelNames: ["gateway"],
      registers,
    }),
  };
}
