import { NO_BYTES, startsAscii } from "../../shared/core/bytes";
import { ProviderRequest } from "../../shared/core/exchange";
import { Attempt } from "../../shared/core/gateway/attempt";
import { retryAfterOf } from "../../shared/core/provider-status";
import { providerCluster } from "../../shared/core/route";
import * as host from "../sdk/host";
import { BUFFER_CALL_RESPONSE, MAP_CALL_RESPONSE } from "../sdk/types";
import { Upstream } from "./upstream";
import { clearBody, headersOut, ID_HEADER } from "./worker";

const NO_CALL: i32 = -1;

/** One of the calls that an attempt makes beside the one that Envoy's router makes for it. */
class FurtherCall {
  /** The host did not take it: it is answered so at the next tick. */
  lost: bool = false;

  constructor(
    readonly upstream: Upstream,
    readonly attempt: Attempt,
    readonly request: ProviderRequest,
    readonly dueAt: f64,
  ) {}

  /** Whether the attempt, and its stream, still wait for an answer. */
  isWanted(): bool {
    return this.upstream.attempt === this.attempt && !this.attempt.complete;
  }

  /** Sends the request past the router to the provider's own cluster; its token, or NO_CALL. */
  send(time: f64): i32 {
    const request = this.request;
    const provider = this.attempt.exchange.provider;
    headersOut.clear().add(":method", request.method).add(":path", request.path).add(":authority", provider.authority);
    for (let i = 0; i + 1 < request.headers.length; i += 2) headersOut.add(request.headers[i], request.headers[i + 1]);
    headersOut.add(ID_HEADER, this.attempt.operationId).add("accept-encoding", "identity");
    const out = clearBody().all(request.body);
    const cluster = new host.Literal(providerCluster(provider.name));
    return host.call(cluster, headersOut, out, this.timeLeft(time));
  }

  /** Milliseconds until the router gives the attempt up: nobody waits for an answer any longer. 0: it never does. */
  private timeLeft(time: f64): i32 {
    const exchange = this.attempt.exchange;
    const patience = exchange.provider.patienceMs(exchange.call);
    if (patience == 0) return 0;
    return Math.max(1, (patience as f64) - (time - this.attempt.startedAt)) as i32;
  }
}

/** Those that are made later, or that could not be made. */
let waiting: Array<FurtherCall> = [];
/** Those that were sent, by the host's token. What nobody waits for any longer ends by its timeout: the host cannot be told. */
const underWay = new Map<i32, FurtherCall>();

/** Makes the further calls that the attempt names now, in the name of its stream. */
export function callFurther(upstream: Upstream, attempt: Attempt, time: f64): void {
  for (let request = attempt.further(); request != null; request = attempt.further()) {
    const call = new FurtherCall(upstream, attempt, request, time + (request.waitMs as f64));
    if (request.waitMs > 0) waiting.push(call);
    else send(call, time);
  }
}

function send(call: FurtherCall, time: f64): void {
  const token = call.send(time);
  if (token != NO_CALL) underWay.set(token, call);
  else {
    call.lost = true;
    waiting.push(call);
  }
}

/** For the worker's clock: makes the calls whose time has come. */
export function callWaiting(time: f64): void {
  if (waiting.length == 0) return;
  const calls = waiting;
  waiting = [];
  for (let i = 0; i < calls.length; i++) {
    const call = calls[i];
    if (!call.isWanted()) continue;
    if (call.dueAt > time) waiting.push(call);
    else if (call.lost) call.upstream.answered(call.request.part, 0, NO_BYTES, "");
    else {
      host.enter(call.upstream.id);
      send(call, time);
    }
  }
}

/** The host has the answer to a call; no headers mean that there is none. */
export function answerFurther(token: i32, headerCount: i32, bodySize: i32): void {
  if (!underWay.has(token)) return;
  const call = underWay.get(token);
  underWay.delete(token);
  if (!call.isWanted()) return;
  let status = 0;
  let isText = false;
  let retryAfter = "";
  if (headerCount > 0) {
    const map = host.headers(MAP_CALL_RESPONSE);
    status = map.int(":status");
    isText = map.value("content-type") == "text/plain";
    retryAfter = retryAfterOf(map.value("retry-after"), map.value("retry-after-ms"));
  }
  const body = host.takeBody(BUFFER_CALL_RESPONSE, bodySize);
  if (isText && isOfEnvoy(status, body)) status = 0;
  call.upstream.answered(call.request.part, status, body, retryAfter);
}

/** Whether Envoy has answered in the place of a provider that it could not reach, or that broke off. */
function isOfEnvoy(status: i32, body: Uint8Array): bool {
  if (status != 503 && status != 504) return false;
  return startsAscii(body, 0, body.length, "upstream ") || startsAscii(body, 0, body.length, "no healthy upstream");
}
