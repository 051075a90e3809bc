import type { Attempt, ProviderRequest } from "@oneapi/core";
import type { Dispatcher } from "undici";

/** A request of an attempt, as it goes on the wire. Nothing of the client's own headers is in it. */
export function optionsOf(attempt: Attempt, request: ProviderRequest): Dispatcher.DispatchOptions {
  const { method, path, headers, body } = request;
  return {
    method: method as Dispatcher.HttpMethod,
    path,
    headers: [
      ...["host", attempt.exchange.provider.authority],
      ...headers,
      ...["x-request-id", attempt.operationId, "accept-encoding", "identity"],
    ],
    body: method === "GET" ? null : body,
  };
}
