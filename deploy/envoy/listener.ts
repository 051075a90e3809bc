import { address } from "./address.ts";
import type { Gateway } from "./bootstrap.ts";
import { CONTROL_CLUSTER } from "./control-cluster.ts";
import { localReplies } from "./local-replies.ts";

/** Largest request body (bytes); what is larger gets 413. */
export const MAX_BODY = 50 * 1024 * 1024;

/** The listener that clients talk to: one connection manager, the OneAPI filter, one route. */
export function listener(gateway: Gateway) {
  return {
    name: "oneapi",
    address: address(gateway.host, gateway.port),
    // What a client that reads slowly can make Envoy hold. (Bodies have a limit of their own: see the route.)
    per_connection_buffer_limit_bytes: 1_048_576,
    filter_chains: [
      {
        filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: connectionManager(gateway) }],
      },
    ],
  };
}

function connectionManager(gateway: Gateway) {
  return {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "oneapi",
    server_name: "oneapi",

    // Every peer is an outsider, those on loopback and private networks too: then Envoy takes the headers away that
    // steer its router (`x-envoy-max-retries` and the like), and makes each request's id itself. The id is the
    // operation's id in the ledger, so a client must not be able to use one twice.
    // (No peer has the address of that range; without a range, loopback and private peers would be insiders.)
    use_remote_address: true,
    internal_address_config: { cidr_ranges: [{ address_prefix: "255.255.255.255", prefix_len: 32 }] },
    skip_xff_append: true,
    generate_request_id: true,
    always_set_request_id_in_response: true,
    // No more of it than that: the filter knows its paths to the letter, and no path of a client's reaches a provider.
    merge_slashes: true,

    // A request must arrive in finite time. An answer may take as long as the provider's own timeouts (the filter's
    // business) say; the idle timeout here only ends streams whose client has stopped reading.
    request_headers_timeout: "10s",
    request_timeout: "300s",
    stream_idle_timeout: "3600s",
    common_http_protocol_options: { idle_timeout: "3600s" },
    http2_protocol_options: {
      max_concurrent_streams: 128,
      initial_stream_window_size: 1_048_576,
      initial_connection_window_size: 8_388_608,
    },

    local_reply_config: localReplies(),
    route_config: {
      name: "oneapi",
      virtual_hosts: [{ name: "oneapi", domains: ["*"], routes: routes() }],
    },
    http_filters: [downstreamFilter(gateway), router()],
  };
}

/**
 * Everything goes the same way: the filter names the order of providers in a header, and Envoy walks through it. Calls that
 * have no further attempts are spared what it costs to be ready for them: a retry state, and a copy of the body.
 */
function routes() {
  // Providers have their own timeouts; a stream may run for minutes.
  const way = { cluster_header: "x-oneapi-cluster", timeout: "0s" };
  // The filter sets it; what a client sends of that name is taken away.
  const further = { name: "x-envoy-max-retries", present_match: true };
  return [route({ headers: [further] }, { ...way, retry_policy: retryPolicy() }), route({}, way)];
}

function route(conditions: object, way: object) {
  return {
    match: { prefix: "/", ...conditions },
    // The filter holds a body until it is whole, and the router keeps it for further attempts. The filter itself refuses
    // what is over MAX_BODY; the room above lets it see that. A limit of the request rather than of the connection,
    // because HTTP/2 would cap the latter at its window.
    request_body_buffer_limit: MAX_BODY + 65_536,
    route: way,
  };
}

function retryPolicy() {
  return {
    retry_on: "5xx,connect-failure,reset,retriable-status-codes",
    // What another provider, or another credential, may answer better.
    retriable_status_codes: [401, 402, 403, 408, 409, 429],
    // The filter sets `x-envoy-max-retries` for each operation.
    num_retries: 0,
    // Each further attempt goes to the next provider of the order, at once, and to a host not yet tried.
    retry_priority: {
      name: "envoy.retry_priorities.previous_priorities",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
        update_frequency: 1,
      },
    },
    retry_host_predicate: [
      {
        name: "envoy.retry_host_predicates.previous_hosts",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        },
      },
    ],
    host_selection_retry_max_attempts: 3,
    retry_back_off: { base_interval: "0.001s", max_interval: "0.010s" },
  };
}

function downstreamFilter(gateway: Gateway) {
  const configuration = { node: gateway.node, control_cluster: CONTROL_CLUSTER, token: gateway.token };
  return {
    name: "oneapi",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
      config: {
        name: "oneapi",
        root_id: "downstream",
        configuration: {
          "@type": "type.googleapis.com/google.protobuf.StringValue",
          value: JSON.stringify(configuration),
        },
        // Equal to what the upstream filter's clusters say, byte for byte: only then do both share one VM.
        vm_config: {
          vm_id: "oneapi",
          runtime: "envoy.wasm.runtime.v8",
          code: { local: { filename: gateway.wasm } },
        },
        // Without this a filter that waits at the headers is never given the body.
        allow_on_headers_stop_iteration: true,
        failure_policy: "FAIL_RELOAD",
        reload_config: { backoff: { base_interval: "0.1s" } },
      },
    },
  };
}

function router() {
  return {
    name: "envoy.filters.http.router",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
      // Neither providers nor clients are told about attempts and timings by headers of Envoy's.
      suppress_envoy_headers: true,
    },
  };
}
