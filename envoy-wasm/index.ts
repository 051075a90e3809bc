// What Envoy calls (proxy-wasm ABI 0.2.1). Each export hands on to its context, then collects garbage if that is due:
// only here is no object of ours on the stack, which the `minimal` runtime needs.
import "./sdk/abort";
import { DownstreamRoot } from "./filter/downstream-root";
import { UpstreamRoot } from "./filter/upstream-root";
import { addRoot, addStream, remove, root, stream } from "./sdk/dispatcher";
import { Literal, property } from "./sdk/host";
import { allocate, isCollectionDue } from "./sdk/memory";
import { CONTINUE } from "./sdk/types";

/** Exports may nest: the host calls back in the middle of a call of ours. Garbage is collected in the outermost alone. */
let depth: i32 = 0;
const ROOT_ID = new Literal("plugin_root_id");

function leave(): void {
  depth--;
  if (isCollectionDue() && depth == 0) __collect();
}

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(size: i32): usize {
  return allocate(size);
}

export function proxy_on_context_create(id: i32, parent: i32): void {
  depth++;
  if (parent != 0) addStream(id, parent);
  else if (property(ROOT_ID) == "upstream") addRoot(new UpstreamRoot(id));
  else addRoot(new DownstreamRoot(id));
  leave();
}

export function proxy_on_vm_start(_root: i32, _size: i32): i32 {
  return 1;
}

export function proxy_on_configure(id: i32, size: i32): i32 {
  depth++;
  const context = root(id);
  const accepted = context == null || context.onConfigure(size);
  leave();
  return accepted ? 1 : 0;
}

export function proxy_on_tick(id: i32): void {
  depth++;
  const context = root(id);
  if (context != null) context.onTick();
  leave();
}

export function proxy_on_queue_ready(id: i32, _queue: i32): void {
  depth++;
  const context = root(id);
  if (context != null) context.onQueueReady();
  leave();
}

export function proxy_on_request_headers(id: i32, count: i32, last: i32): i32 {
  depth++;
  const context = stream(id);
  const answer = context == null ? CONTINUE : context.onRequestHeaders(count, last != 0);
  leave();
  return answer;
}

export function proxy_on_request_body(id: i32, size: i32, last: i32): i32 {
  depth++;
  const context = stream(id);
  const answer = context == null ? CONTINUE : context.onRequestBody(size, last != 0);
  leave();
  return answer;
}

export function proxy_on_request_trailers(id: i32, _count: i32): i32 {
  depth++;
  const context = stream(id);
  const answer = context == null ? CONTINUE : context.onRequestTrailers();
  leave();
  return answer;
}

export function proxy_on_response_headers(id: i32, count: i32, last: i32): i32 {
  depth++;
  const context = stream(id);
  const answer = context == null ? CONTINUE : context.onResponseHeaders(count, last != 0);
  leave();
  return answer;
}

export function proxy_on_response_body(id: i32, size: i32, last: i32): i32 {
  depth++;
  const context = stream(id);
  const answer = context == null ? CONTINUE : context.onResponseBody(size, last != 0);
  leave();
  return answer;
}

export function proxy_on_response_trailers(id: i32, _count: i32): i32 {
  depth++;
  const context = stream(id);
  const answer = context == null ? CONTINUE : context.onResponseTrailers();
  leave();
  return answer;
}

export function proxy_on_http_call_response(id: i32, token: i32, count: i32, size: i32, _trailers: i32): void {
  depth++;
  const context = root(id);
  if (context != null) context.onCallResponse(token, count, size);
  leave();
}

export function proxy_on_delete(id: i32): void {
  depth++;
  const context = stream(id);
  if (context != null) context.onDelete();
  remove(id);
  leave();
}
