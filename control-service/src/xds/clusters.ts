/**
 * Envoy clusters of a configuration: one plain cluster per provider, one aggregate per order of several attempts. An order
 * of one attempt is a plain cluster too.
 *
 * Pure: the same input gives the same JSON, so that its hash can be the version. The upstream filter stands on the clusters
 * of orders only (Envoy ignores it on those inside an aggregate); the address, TLS and connection settings stand on plain
 * clusters only, because connections belong to them.
 */
import { isIP } from "node:net";

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** Where a provider is reached. `host` is a name or an IP address without brackets. */
export interface ProviderEndpoint {
  readonly name: string;
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  readonly connectMs: number;
}

/** Files on the machine of the Envoy that will read the clusters. */
export interface NodeFiles {
  /** Absolute path of oneapi.wasm. */
  readonly wasm: string;
  /** Absolute path of the bundle of trusted certificate authorities. */
  readonly ca: string;
}

/** An order of providers in which attempts may go out; its names come from the core, which the filter shares. */
export interface ProviderOrder {
  /** Of its cluster. */
  readonly name: string;
  /** By attempt. A provider may appear more than once, each time with a cluster of its own. */
  readonly attempts: readonly { readonly provider: string; readonly cluster: string }[];
}

/** Bodies up to this size pass through both filters and survive a retry; Envoy's default is 1 MiB. */
const BUFFER_LIMIT_BYTES = 50 * 1024 * 1024;

/**
 * Envoy's defaults (1,024 connections and requests, 3 retries at a time) stop fail-over just when it is needed. Limits
 * on providers are admission's business; these only have to be out of its way.
 */
const UNLIMITED = 1_000_000;

/**
 * How long an idle connection is kept. It must end before the server's own idle time does, or a request is sent on a
 * connection that is being closed: vendors keep connections for minutes, local servers (uvicorn, Node, llama.cpp) for 5 s.
 */
const VENDOR_IDLE = "50s";
const LOCAL_IDLE = "4s";

const TYPE = "type.googleapis.com/envoy.extensions.";

/** Every cluster that the orders need, sorted by name. */
export function buildClusters(
  endpoints: ReadonlyMap<string, ProviderEndpoint>,
  orders: Iterable<ProviderOrder>,
  files: NodeFiles,
): JsonObject[] {
  const clusters = new Map<string, JsonObject>();
  for (const { name, attempts } of orders) {
    for (const { provider, cluster } of attempts) {
      const endpoint = endpoints.get(provider);
      if (endpoint === undefined) throw new Error(`${name} names the unknown provider ${provider}`);
      if (!clusters.has(cluster)) clusters.set(cluster, providerCluster(cluster, endpoint, files));
    }
    if (clusters.has(name)) continue;
    const [first] = attempts;
    const only = attempts.length === 1 && first !== undefined ? endpoints.get(first.provider) : undefined;
    const inner = attempts.map(({ cluster }) => cluster);
    clusters.set(name, only === undefined ? orderCluster(name, inner, files) : soleCluster(name, only, files));
  }
  return [...clusters.keys()].sort().map((name) => clusters.get(name) as JsonObject);
}

function providerCluster(name: string, endpoint: ProviderEndpoint, files: NodeFiles): JsonObject {
  const address = isIP(endpoint.host) !== 0;
  return {
    name,
    connect_timeout: seconds(endpoint.connectMs),
    per_connection_buffer_limit_bytes: BUFFER_LIMIT_BYTES,
    ...(address ? { type: "STATIC" } : dns),
    load_assignment: {
      cluster_name: name,
      // The share of hosts that may be unhealthy before traffic leaves for the next priority (here: the next provider)
      // is set so that one good address is enough: the order of providers is ours to decide, not the balancer's.
      policy: { overprovisioning_factor: 100_000 },
      endpoints: [
        {
          lb_endpoints: [
            {
              endpoint: { address: { socket_address: { address: endpoint.host, port_value: endpoint.port } } },
              metadata: { filter_metadata: { oneapi: { provider: endpoint.name } } },
            },
          ],
        },
      ],
    },
    circuit_breakers: circuitBreakers(),
    outlier_detection: outlierDetection(),
    upstream_connection_options: { tcp_keepalive: { keepalive_time: 30, keepalive_interval: 10, keepalive_probes: 3 } },
    typed_extension_protocol_options: protocolOptions(connectionOptions(endpoint)),
    ...(endpoint.tls ? { transport_socket: tls(endpoint.host, address, files.ca) } : {}),
  };
}

function connectionOptions({ tls }: ProviderEndpoint): JsonObject {
  return { common_http_protocol_options: { idle_timeout: tls ? VENDOR_IDLE : LOCAL_IDLE } };
}

/** An order of one attempt needs no aggregate, which would cost each request a walk through it. */
function soleCluster(name: string, endpoint: ProviderEndpoint, files: NodeFiles): JsonObject {
  const options = protocolOptions({ ...connectionOptions(endpoint), ...upstreamFilters(files) });
  return { ...providerCluster(name, endpoint, files), typed_extension_protocol_options: options };
}

/** A name that does not resolve must not keep the listener from starting: its provider fails, the next one answers. */
const dns: JsonObject = {
  type: "STRICT_DNS",
  dns_lookup_family: "V4_PREFERRED",
  wait_for_warm_on_init: false,
};

function orderCluster(name: string, inner: string[], files: NodeFiles): JsonObject {
  return {
    name,
    connect_timeout: "5s",
    per_connection_buffer_limit_bytes: BUFFER_LIMIT_BYTES,
    lb_policy: "CLUSTER_PROVIDED",
    cluster_type: {
      name: "envoy.clusters.aggregate",
      typed_config: { "@type": `${TYPE}clusters.aggregate.v3.ClusterConfig`, clusters: inner },
    },
    circuit_breakers: circuitBreakers(),
    typed_extension_protocol_options: protocolOptions(upstreamFilters(files)),
  };
}

function upstreamFilters(files: NodeFiles): JsonObject {
  return {
    http_filters: [
      { name: "oneapi", typed_config: wasmFilter("upstream", "{}", files.wasm) },
      {
        name: "envoy.filters.http.upstream_codec",
        typed_config: { "@type": `${TYPE}filters.http.upstream_codec.v3.UpstreamCodec` },
      },
    ],
  };
}

/**
 * The filter in one of its two roles. Both must give the very same `vm_config`, because that is what makes Envoy run
 * them in one VM per worker, where the upstream role finds the request that the downstream role parsed.
 */
export function wasmFilter(role: "downstream" | "upstream", configuration: string, wasm: string): JsonObject {
  return {
    "@type": `${TYPE}filters.http.wasm.v3.Wasm`,
    config: {
      name: "oneapi",
      root_id: role,
      failure_policy: "FAIL_RELOAD",
      reload_config: { backoff: { base_interval: "0.1s" } },
      allow_on_headers_stop_iteration: true,
      configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: configuration },
      vm_config: { vm_id: "oneapi", runtime: "envoy.wasm.runtime.v8", code: { local: { filename: wasm } } },
    },
  };
}

function circuitBreakers(): JsonObject {
  return {
    thresholds: [
      {
        max_connections: UNLIMITED,
        max_pending_requests: UNLIMITED,
        max_requests: UNLIMITED,
        // When a provider is down every request is a retry, and each has its own bound. A retry budget would count only
        // the others, of which there are none then, and refuse.
        max_retries: UNLIMITED,
      },
    ],
  };
}

/**
 * Only an address that cannot be connected to is set aside, and never the last half of them: a provider has many
 * addresses behind one name, and one may be dead. What a provider *answers* must not hide it, because a 429 or a 500 of
 * one model says nothing of the others, and skipping a provider is the filter's decision.
 */
function outlierDetection(): JsonObject {
  return {
    split_external_local_origin_errors: true,
    consecutive_local_origin_failure: 5,
    enforcing_consecutive_local_origin_failure: 100,
    enforcing_consecutive_5xx: 0,
    enforcing_consecutive_gateway_failure: 0,
    enforcing_success_rate: 0,
    enforcing_local_origin_success_rate: 0,
    enforcing_failure_percentage: 0,
    enforcing_failure_percentage_local_origin: 0,
    max_ejection_percent: 50,
    base_ejection_time: "10s",
  };
}

function protocolOptions(options: JsonObject): JsonObject {
  return {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": `${TYPE}upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http_protocol_options: {} },
      ...options,
    },
  };
}

function tls(host: string, address: boolean, ca: string): JsonObject {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${TYPE}transport_sockets.tls.v3.UpstreamTlsContext`,
      // RFC 6066 allows names only.
      ...(address ? {} : { sni: host }),
      common_tls_context: {
        alpn_protocols: ["http/1.1"],
        tls_params: { tls_minimum_protocol_version: "TLSv1_2" },
        validation_context: {
          trusted_ca: { filename: ca },
          match_typed_subject_alt_names: [{ san_type: address ? "IP_ADDRESS" : "DNS", matcher: { exact: host } }],
        },
      },
    },
  };
}

/** A protobuf Duration in JSON. */
function seconds(ms: number): string {
  return `${ms / 1000}s`;
}
