import { startsAscii } from "../../shared/core/bytes";
import { PASS, ProviderRequest } from "../../shared/core/exchange";
import { Attempt, HOLD, LONGEST_ANSWER } from "../../shared/core/gateway/attempt";
import { operationNumber } from "../../shared/core/gateway/operation";
import { Problem, providerError, unavailable } from "../../shared/core/problem";
import { retryAfterOf } from "../../shared/core/provider-status";
import { StreamContext } from "../sdk/context";
import { HeaderMap, HeaderNames } from "../sdk/headers";
import * as host from "../sdk/host";
import { scratchBytes } from "../sdk/memory";
import {
  BUFFER_REQUEST,
  BUFFER_RESPONSE,
  CONTINUE,
  MAP_REQUEST,
  MAP_RESPONSE,
  STOP_AND_BUFFER,
  STOP_ITERATION,
  STOP_NO_BUFFER,
  STREAM_RESPONSE,
} from "../sdk/types";
import { UPSTREAM_REFUSED } from "./downstream";
import { callFurther } from "./further";
import { breakOff } from "./passage";
import { UpstreamRoot } from "./upstream-root";
import { addRateHeaders, clearBody, headersOut, ID_HEADER, lately, now, worker } from "./worker";

const ID = new host.Literal(ID_HEADER);
const PROVIDER = new host.Literal("xds\0upstream_host_metadata\0filter_metadata\0oneapi\0provider");

/** What of a provider's headers a client may see. All else tells of the provider's account, or of a connection that is not the client's. */
const PASSED = new HeaderNames(
  [
    ":status",
    "content-type",
    "content-length",
    "date",
    "server",
    "cache-control",
    "retry-after",
    "openai-processing-ms",
    "openai-version",
  ],
  ["x-envoy-upstream-service-time"],
);
/** The same, for an answer whose bytes are written anew. */
const PASSED_REWRITTEN = new HeaderNames(
  ["date", "server", "cache-control", "openai-processing-ms", "openai-version"],
  [],
);
/** The same, for a stream. */
const PASSED_STREAM = new HeaderNames(["date", "server", "openai-processing-ms", "openai-version"], []);

/** One attempt at one provider: the request in the provider's words, and its answer in OpenAI's. */
export class Upstream extends StreamContext {
  attempt: Attempt | null = null;
  /** When bytes of the answer came last. */
  lastAt: f64 = 0;
  /** For the watch over attempts: where it keeps this one; -1 when it does not. */
  watchIndex: i32 = -1;
  private request: ProviderRequest | null = null;
  /** The request's body is the one that the client sent. */
  private passes: bool = false;
  /** How much of the provider's first answer is held while further calls are made. */
  private held: i32 = 0;
  private released: bool = false;
  private status: i32 = 0;
  /** The answer's headers hold for bytes that are written anew; they are those of a stream. */
  private rewritten: bool = false;
  private shownAsStream: bool = false;
  /** How much of a body the host holds. */
  private buffered: i32 = 0;
  /** The host was told to hold the answer's body, which may be empty yet: it adds what comes next. */
  private collecting: bool = false;
  /** Of the operation. */
  private number: i32 = 0;

  constructor(
    id: i32,
    private readonly root: UpstreamRoot,
  ) {
    super(id);
  }

  override onRequestHeaders(_count: i32, _last: bool): i32 {
    const operation = worker().operation(operationNumber(host.headerBytes(MAP_REQUEST, ID), scratchBytes()));
    if (operation == null) return this.turnBack(null);
    const time = lately();
    // With one target only there is no doubt which provider Envoy has chosen.
    const provider = operation.order.length == 1 ? "" : host.property(PROVIDER);
    const attempt = worker().gateway.attempt(operation, provider, time);
    if (attempt == null) return this.turnBack(operation.problem);
    this.attempt = attempt;
    this.number = operation.number;
    const request = attempt.request();
    if (request == null) {
      // The target cannot express the call: the client is told, and no other target is asked.
      return this.refuse(attempt.problem!);
    }
    this.request = request;
    const call = operation.call;
    this.passes = call != null && request.body === call.body;
    headersOut.clear().add(":method", request.method).add(":path", request.path);
    headersOut.add(":authority", attempt.exchange.provider.authority).add(":scheme", "https");
    for (let i = 0; i + 1 < request.headers.length; i += 2) headersOut.add(request.headers[i], request.headers[i + 1]);
    headersOut
      .add(ID_HEADER, attempt.operationId)
      .add("accept-encoding", "identity")
      .addInt("content-length", request.body.length);
    host.setHeaders(MAP_REQUEST, headersOut);
    this.root.watch(this);
    return CONTINUE;
  }

  override onRequestBody(size: i32, last: bool): i32 {
    const request = this.request;
    const attempt = this.attempt;
    if (request == null || attempt == null || this.passes) return CONTINUE;
    this.buffered = size;
    if (!last) return STOP_AND_BUFFER;
    host.replaceBody(BUFFER_REQUEST, size, request.body, request.body.length);
    return CONTINUE;
  }

  override onRequestTrailers(): i32 {
    return this.onRequestBody(this.buffered, true);
  }

  /** Without an attempt the request is still the client's own, its key included: no provider may see it. */
  private turnBack(problem: Problem | null): i32 {
    if (problem != null) return this.refuse(problem);
    return this.refuse(unavailable("The model's providers have just changed; try again.", "no_target_available"));
  }

  /** Adds to `headersOut` what the client is told of its limits; false when nothing is. */
  private addRateHeaders(): bool {
    const operation = worker().operation(this.number);
    return operation != null && addRateHeaders(operation);
  }

  private refuse(problem: Problem): i32 {
    const out = clearBody();
    problem.write(out);
    headersOut.clear().add("content-type", "application/json");
    host.respond(problem.status, out, headersOut, UPSTREAM_REFUSED);
    return STOP_ITERATION;
  }

  override onResponseHeaders(_count: i32, last: bool): i32 {
    const attempt = this.attempt;
    if (attempt == null) return CONTINUE;
    if (attempt.complete) return CONTINUE;
    const map = host.headers(MAP_RESPONSE);
    this.status = map.int(":status");
    this.buffered = 0;
    if (map.find("content-encoding")) attempt.encoded(map.value("content-encoding"));
    attempt.head(this.status, isEventStream(map), retryAfterOf(map.value("retry-after"), map.value("retry-after-ms")));
    this.lastAt = lately();
    if (this.status < 300) this.cleanHeaders(map, attempt);
    if (last) this.receive(0, true);
    return last ? CONTINUE : STOP_ITERATION;
  }

  /** Leaves only the headers that a client may see, written once here if that is known to be enough. */
  private cleanHeaders(map: HeaderMap, attempt: Attempt): void {
    const streams = attempt.answersStream();
    this.shownAsStream = streams;
    // OpenAI's API knows one status of success, and so do its clients.
    this.rewritten = streams || attempt.rewrites || this.status != 200;
    headersOut.clear();
    const limited = this.addRateHeaders();
    if (!limited && !this.rewritten && map.isWithin(PASSED)) return;
    if (this.rewritten) {
      this.addType(streams);
      map.copyOnly(streams ? PASSED_STREAM : PASSED_REWRITTEN, headersOut);
    } else map.copyOnly(PASSED, headersOut);
    host.setHeaders(MAP_RESPONSE, headersOut);
  }

  /** Status and type of an answer that is written anew. A stream must be held by no cache or proxy before the client. */
  private addType(streams: bool): void {
    headersOut.add(":status", "200");
    if (streams) {
      headersOut
        .add("content-type", "text/event-stream; charset=utf-8")
        .add("cache-control", "no-cache")
        .add("x-accel-buffering", "no");
    } else headersOut.add("content-type", "application/json");
  }

  override onResponseBody(size: i32, last: bool): i32 {
    const attempt = this.attempt;
    if (attempt == null) return CONTINUE;
    if (!last && size < LONGEST_ANSWER && this.isCollected(attempt, size)) {
      this.buffered = size;
      this.collecting = true;
      return STOP_AND_BUFFER;
    }
    return this.receive(size, last);
  }

  /** Whether the answer, of which `size` bytes are there, is looked at only once it is whole. */
  private isCollected(attempt: Attempt, size: i32): bool {
    if (attempt.isUnsure()) attempt.sniff(scratchBytes(), host.readBody(BUFFER_RESPONSE, size));
    return !attempt.isStream() && !attempt.complete;
  }

  override onResponseTrailers(): i32 {
    const attempt = this.attempt;
    if (attempt == null || attempt.complete) return CONTINUE;
    this.receive(attempt.isStream() ? 0 : this.buffered, true);
    // The host has no body to write into any more.
    if (attempt.truncated) breakOff(this.number, attempt.problem!);
    return attempt.complete || attempt.isStream() ? CONTINUE : STOP_ITERATION;
  }

  /** Hands `size` bytes of the answer to the attempt and does what it says. */
  private receive(size: i32, last: bool): i32 {
    const attempt = this.attempt!;
    const time = attempt.decided && !last ? lately() : now();
    this.lastAt = time;
    const length = host.readBody(BUFFER_RESPONSE, size);
    const bytes = scratchBytes();
    const out = clearBody();
    const chunk = attempt.isStream() ? bytes : Uint8Array.wrap(bytes.buffer, bytes.byteOffset, length);
    const outcome = attempt.data(chunk, length, last, out, time);
    if (outcome == HOLD) {
      if (attempt.isStream()) {
        // What the host still holds has been taken.
        if (this.collecting) host.replaceBody(BUFFER_RESPONSE, length, out.bytes, 0);
        this.collecting = false;
        this.buffered = 0;
        return STOP_NO_BUFFER;
      }
      this.held = length;
      callFurther(this, attempt, time);
      return STOP_AND_BUFFER;
    }
    this.release(attempt, outcome);
    if (outcome != PASS) host.replaceBody(BUFFER_RESPONSE, length, out.bytes, out.length);
    return CONTINUE;
  }

  /** The answer goes on: its headers are put right, once. */
  private release(attempt: Attempt, outcome: i32): void {
    if (!this.released) {
      this.released = true;
      if (attempt.problem != null && !attempt.truncated) this.showProblem(attempt);
      else if ((outcome != PASS && !this.rewritten) || attempt.answersStream() != this.shownAsStream) {
        this.forgetLength(attempt);
      }
    }
    if (attempt.complete) this.root.leave(this);
  }

  /** Takes the answer to a further call (status 0: none came); with the last one, what was held goes on. */
  answered(part: i32, status: i32, body: Uint8Array, retryAfter: string): void {
    const attempt = this.attempt;
    if (attempt == null || attempt.complete) return;
    const time = now();
    const out = clearBody();
    host.enter(this.id);
    const outcome = attempt.part(part, status, body, retryAfter, out, time);
    if (outcome == HOLD) {
      callFurther(this, attempt, time);
      return;
    }
    this.release(attempt, outcome);
    host.replaceBody(BUFFER_RESPONSE, this.held, out.bytes, out.length);
    host.continueStream(STREAM_RESPONSE);
  }

  /** The attempt failed: these headers decide whether the router tries the next target. */
  private showProblem(attempt: Attempt): void {
    const problem = attempt.problem!;
    headersOut.clear().addInt(":status", problem.status).add("content-type", "application/json");
    if (problem.retryAfter > 0) headersOut.addInt("retry-after", problem.retryAfter);
    this.addRateHeaders();
    host.setHeaders(MAP_RESPONSE, headersOut);
  }

  /** Bytes that were to pass are replaced all the same: their number is not the announced one. */
  private forgetLength(attempt: Attempt): void {
    headersOut.clear();
    this.addType(attempt.answersStream());
    this.addRateHeaders();
    host.setHeaders(MAP_RESPONSE, headersOut);
  }

  /** Whether the provider has been silent, or has taken in all, longer than it may. */
  isLate(time: f64): bool {
    const attempt = this.attempt;
    if (attempt == null) return false;
    const limits = attempt.exchange.provider;
    // Until the answer is decided, the router's own timeout for each try is in charge: it alone can go on to the next.
    if (!attempt.decided) return false;
    return isOver(this.lastAt, limits.idleMs, time) || isOver(attempt.startedAt, limits.totalMs, time);
  }

  /** Ends an attempt that took too long; Envoy then tries the next target, or ends the client's stream. */
  expire(time: f64): void {
    const attempt = this.attempt;
    if (attempt == null || attempt.complete) return;
    attempt.lost("timeout", time);
    if (attempt.truncated)
      breakOff(this.number, providerError("The provider fell silent in the middle of its answer."));
    host.enter(this.id);
    host.closeStream(STREAM_RESPONSE);
  }

  override onDelete(): void {
    const attempt = this.attempt;
    this.root.leave(this);
    if (attempt == null) return;
    // Only an attempt that is not decided is judged by the time, and only to the millisecond.
    const time = attempt.decided ? lately() : now();
    const patience = attempt.exchange.provider.patienceMs(attempt.exchange.call);
    const late = !attempt.decided && isOver(attempt.startedAt, patience, time + CLOCK_SKEW_MS);
    if (!attempt.complete) {
      attempt.lost(late ? "timeout" : attempt.status == 0 ? "connection" : "reset", time);
      if (attempt.truncated)
        breakOff(this.number, providerError("The provider broke off in the middle of its answer."));
    }
    this.attempt = null;
    this.request = null;
  }
}

/** The host's timers run on a clock of their own, which may be so much ahead. */
const CLOCK_SKEW_MS: f64 = 20;

/** Whether `limit` milliseconds (0: no limit) since `from` are over. */
function isOver(from: f64, limit: i32, time: f64): bool {
  return limit > 0 && time - from >= (limit as f64);
}

function isEventStream(map: HeaderMap): bool {
  return map.find("content-type") && startsAscii(map.source, map.valueStart, map.valueEnd, "text/event-stream");
}
