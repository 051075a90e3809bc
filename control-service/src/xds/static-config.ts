import type { Snapshot } from "../gateway/snapshot.ts";
import { buildClusters, type Json, type JsonObject, type NodeFiles, wasmFilter } from "./clusters.ts";

/** What an Envoy of a fleet with a control plane of its own must be told. */
export interface StaticNode {
  /** Its `node.id`. */
  readonly node: string;
  readonly files: NodeFiles;
  readonly listen: { readonly host: string; readonly port: number };
  /** Where it reaches the control service. */
  readonly control: { readonly host: string; readonly port: number; readonly tls: boolean };
  readonly gatewayToken: string;
}

const CONTROL_CLUSTER = "oneapi-control";
const TYPE = "type.googleapis.com/envoy.extensions.";

/**
 * The clusters of a configuration and a listener to go with them, as a bootstrap without cluster discovery. Keys, models
 * and credentials still come from the control service; new providers and orders need this printed anew.
 */
export function staticEnvoyConfig(snapshot: Snapshot, node: StaticNode): JsonObject {
  const clusters = buildClusters(snapshot.endpoints, snapshot.orders.values(), node.files);
  return {
    node: { id: node.node, cluster: "oneapi" },
    static_resources: { listeners: [listener(node)], clusters: [controlCluster(node), ...clusters] },
  };
}

function controlCluster({ control, files }: StaticNode): JsonObject {
  return {
    name: CONTROL_CLUSTER,
    type: "STRICT_DNS",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: CONTROL_CLUSTER,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(control) } }] }],
    },
    ...(control.tls && {
      transport_socket: {
        name: "envoy.transport_sockets.tls",
        typed_config: {
          "@type": `${TYPE}transport_sockets.tls.v3.UpstreamTlsContext`,
          sni: control.host,
          common_tls_context: {
            validation_context: {
              trusted_ca: { filename: files.ca },
              match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: control.host } }],
            },
          },
        },
      },
    }),
  };
}

function listener({ node, files, listen, gatewayToken }: StaticNode): JsonObject {
  const configuration = JSON.stringify({ node, control_cluster: CONTROL_CLUSTER, token: gatewayToken });
  return {
    name: "oneapi",
    address: socketAddress(listen),
    per_connection_buffer_limit_bytes: 50 * 1024 * 1024,
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type": `${TYPE}filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: "oneapi",
              // An edge: what steers Envoy's router is taken from clients, and request ids are ours, because the ledger
              // knows an operation by them.
              use_remote_address: true,
              internal_address_config: { cidr_ranges: [{ address_prefix: "255.255.255.255", prefix_len: 32 }] },
              generate_request_id: true,
              always_set_request_id_in_response: true,
              stream_idle_timeout: "3600s",
              route_config: {
                virtual_hosts: [{ name: "oneapi", domains: ["*"], routes: routes() }],
              },
              http_filters: [
                { name: "oneapi", typed_config: wasmFilter("downstream", configuration, files.wasm) },
                {
                  name: "envoy.filters.http.router",
                  typed_config: { "@type": `${TYPE}filters.http.router.v3.Router`, suppress_envoy_headers: true },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}

/**
 * The filter names the order of providers in a header and sets how many further attempts there may be. Calls that have none
 * are spared what it costs to be ready for them.
 */
function routes(): JsonObject[] {
  const way = { cluster_header: "x-oneapi-cluster", timeout: "0s" };
  const further = { name: "x-envoy-max-retries", present_match: true };
  return [
    { match: { prefix: "/", headers: [further] }, route: { ...way, retry_policy: retryPolicy() } },
    { match: { prefix: "/" }, route: way },
  ];
}

function retryPolicy(): JsonObject {
  return {
    retry_on: "5xx,connect-failure,reset,retriable-status-codes",
    retriable_status_codes: [401, 402, 403, 408, 409, 429],
    num_retries: 0,
    retry_priority: {
      name: "envoy.retry_priorities.previous_priorities",
      typed_config: {
        "@type": `${TYPE}retry.priority.previous_priorities.v3.PreviousPrioritiesConfig`,
        update_frequency: 1,
      },
    },
    retry_back_off: { base_interval: "0.001s", max_interval: "0.010s" },
  };
}

function socketAddress({ host, port }: { readonly host: string; readonly port: number }): Json {
  return { socket_address: { address: host, port_value: port } };
}
