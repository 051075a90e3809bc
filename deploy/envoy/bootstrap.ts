import { address } from "./address.ts";
import { CONTROL_CLUSTER, controlCluster } from "./control-cluster.ts";
import { listener } from "./listener.ts";

/** What one Envoy needs to know; everything else comes from the control service. */
export type Gateway = {
  /** The node's name, by which the control service knows its clusters and its records: `envoy-1`. */
  node: string;
  host: string;
  port: number;
  /** Port of Envoy's own admin interface, on loopback; 0 picks a free one. */
  adminPort: number;
  control: { host: string; port: number };
  /** The bearer token of the gateway protocol and of the cluster discovery. */
  token: string;
  /** Absolute path of `oneapi.wasm`. */
  wasm: string;
  /** Absolute path of the certificate authorities that providers are verified against. */
  certificateAuthorities: string;
};

/**
 * The whole configuration of an Envoy that serves OneAPI, as the JSON of `envoy.config.bootstrap.v3.Bootstrap`.
 *
 * The end-to-end tests and the benchmarks start their Envoys from this same function.
 */
export function bootstrap(gateway: Gateway) {
  return {
    node: {
      id: gateway.node,
      cluster: "oneapi",
      // Cluster discovery carries no headers of ours, so its token travels here; the two paths are what the control
      // service writes into the clusters (upstream filter, verification of providers).
      metadata: { oneapi: { token: gateway.token, wasm: gateway.wasm, ca: gateway.certificateAuthorities } },
    },
    admin: { address: address("127.0.0.1", gateway.adminPort) },
    static_resources: { listeners: [listener(gateway)], clusters: [controlCluster(gateway.control)] },
    dynamic_resources: {
      cds_config: {
        resource_api_version: "V3",
        // Without a control service Envoy starts all the same, and answers 503 in the API's shape.
        initial_fetch_timeout: "5s",
        api_config_source: {
          api_type: "REST",
          transport_api_version: "V3",
          cluster_names: [CONTROL_CLUSTER],
          refresh_delay: "0.25s",
          request_timeout: "5s",
        },
      },
    },
    overload_manager: {
      resource_monitors: [
        {
          name: "envoy.resource_monitors.global_downstream_max_connections",
          typed_config: {
            "@type":
              "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
            max_active_downstream_connections: 50_000,
          },
        },
      ],
    },
  };
}
