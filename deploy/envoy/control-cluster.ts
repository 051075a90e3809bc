import { address } from "./address.ts";

/** The cluster through which Envoy and the filter reach the control service. */
export const CONTROL_CLUSTER = "oneapi-control";

export function controlCluster(control: { host: string; port: number }) {
  return {
    name: CONTROL_CLUSTER,
    type: "STRICT_DNS",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: CONTROL_CLUSTER,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(control.host, control.port) } }] }],
    },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http_protocol_options: {} },
        // Shorter than the service keeps an idle connection, so that a sync never meets one that is just being closed.
        common_http_protocol_options: { idle_timeout: "30s" },
      },
    },
  };
}
