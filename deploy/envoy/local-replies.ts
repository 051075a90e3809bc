/** Prefix of the details that the filter gives to the replies it makes itself; those are in the API's shape already. */
const OURS = "oneapi";

type Reply = { status: number; type: string; code: string; message: string };

const REPLIES: readonly Reply[] = [
  invalid(400, "bad_request", "The request is not valid HTTP."),
  invalid(408, "request_timeout", "The request did not arrive in time."),
  invalid(413, "request_too_large", "The request body is larger than 50 MiB."),
  invalid(431, "headers_too_large", "The request headers are too large."),
  {
    status: 503,
    type: "server_error",
    code: "service_unavailable",
    message: "The gateway cannot serve this request now.",
  },
  { status: 504, type: "server_error", code: "provider_timeout", message: "No provider answered in time." },
];

function invalid(status: number, code: string, message: string): Reply {
  return { status, type: "invalid_request_error", code, message };
}

/**
 * What Envoy answers by itself (a body too large, a request cut short, no provider to reach), in OpenAI's error shape.
 *
 * Envoy passes the filter's own replies through the same place; the first mapper lets them through as they are.
 */
export function localReplies() {
  return {
    mappers: [
      {
        filter: expression(`response.code_details.startsWith("${OURS}")`),
        body_format_override: json("%LOCAL_REPLY_BODY%"),
      },
      ...REPLIES.map((reply) => ({ filter: status(reply.status), body_format_override: problem(reply) })),
    ],
    body_format: problem({ type: "server_error", code: "gateway_error", message: "%LOCAL_REPLY_BODY%" }),
  };
}

function problem({ message, type, code }: Omit<Reply, "status">) {
  return { json_format: { error: { message, type, param: null, code } } };
}

function json(format: string) {
  return { text_format_source: { inline_string: format }, content_type: "application/json" };
}

function status(code: number) {
  return {
    status_code_filter: { comparison: { op: "EQ", value: { default_value: code, runtime_key: "oneapi.unset" } } },
  };
}

function expression(condition: string) {
  return {
    extension_filter: {
      name: "envoy.access_loggers.extension_filters.cel",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
        expression: condition,
      },
    },
  };
}
