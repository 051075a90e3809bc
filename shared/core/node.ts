// What Node programs import: the target's constant first, then the core. (asc takes no `export … from`: Wasm imports the files.)
import "./target.ts";

export { ByteWriter } from "./byte-writer.ts";
export { ClientRequest, Exchange, IMAGE_EDITS, PASS, Provider, ProviderRequest } from "./exchange.ts";
export { Attempt, HOLD, LONGEST_ANSWER } from "./gateway/attempt.ts";
export { endpointOf } from "./gateway/endpoint.ts";
export { Gateway } from "./gateway/gateway.ts";
export { ANSWERED, NEED_ADDRESS, Operation, READY, REFUSED, WAIT } from "./gateway/operation.ts";
export { rateHeaders } from "./gateway/rate-headers.ts";
export { outcomeName } from "./gateway/record.ts";
export { POLL_TIMEOUT_MS, PUSH_TIMEOUT_MS, SYNC_PATH, Sync } from "./gateway/sync.ts";
export { Json } from "./json.ts";
export { JsonWriter } from "./json-writer.ts";
export { controlUnavailable, Problem, providerError, unauthorized, unavailable } from "./problem.ts";
export { retryAfterOf } from "./provider-status.ts";
export { clusterNames, orderName, orders, Route, RouteTarget } from "./route.ts";
export { SseReader } from "./sse.ts";
export { USAGE_PROVIDER, Usage } from "./usage.ts";
