import { ByteWriter } from "../../shared/core/byte-writer";
import { equalsAsciiFolded, findByte } from "../../shared/core/bytes";
import { IMAGE_EDITS } from "../../shared/core/exchange";
import { ANSWERED, NEED_ADDRESS, Operation, READY, WAIT } from "../../shared/core/gateway/operation";
import { Problem, providerError, unavailable } from "../../shared/core/problem";
import { decodeUtf8 } from "../../shared/core/text";
import { StreamContext } from "../sdk/context";
import { HeaderMap } from "../sdk/headers";
import * as host from "../sdk/host";
import {
  BUFFER_REQUEST,
  BUFFER_RESPONSE,
  CONTINUE,
  MAP_REQUEST,
  MAP_RESPONSE,
  STOP_AND_BUFFER,
  STOP_ITERATION,
  STOP_NO_BUFFER,
  STREAM_REQUEST,
  STREAM_RESPONSE,
} from "../sdk/types";
import { DownstreamRoot } from "./downstream-root";
import { Passage } from "./passage";
import { addRateHeaders, CLUSTER_HEADER, clearBody, headersOut, ID_HEADER, lately, now, worker } from "./worker";

const SOURCE_ADDRESS = new host.Literal("source\0address");
const RESPONSE_DETAILS = new host.Literal("response\0code_details");
const STATUS = new host.Literal(":status");
const CONTENT_TYPE = new host.Literal("content-type");
const CONTENT_LENGTH = new host.Literal("content-length");
const CLUSTER = new host.Literal(CLUSTER_HEADER);
const TRY_TIMEOUT = new host.Literal("x-envoy-upstream-rq-per-try-timeout-ms");
const MAX_RETRIES = new host.Literal("x-envoy-max-retries");
const REQUEST_ID = new host.Literal(ID_HEADER);

/** How Envoy names an answer that the upstream filter gave. */
export const UPSTREAM_REFUSED: string = "oneapi_unsupported";

/** The client's side of one operation: key, body, choice of targets; and what Envoy itself has to say when all failed. */
export class Downstream extends StreamContext {
  private operation: Operation | null = null;
  private body: Uint8Array | null = null;
  /** The body, or the end of a request without one, is here. */
  private complete: bool = false;
  /** How much of the body the host holds. */
  private buffered: i32 = 0;
  private waiting: bool = false;
  /** The end of the answer is held. */
  private ending: bool = false;
  private answered: bool = false;
  /** How a stream goes to the client. */
  private passage: Passage | null = null;
  /** Envoy answers in the provider's place: its text is replaced by this. */
  private ownAnswer: Problem | null = null;

  constructor(
    id: i32,
    private readonly root: DownstreamRoot,
  ) {
    super(id);
  }

  override onRequestHeaders(_count: i32, last: bool): i32 {
    const time = now();
    const operation = worker().gateway.open(time);
    this.operation = operation;
    this.complete = last;
    const map = host.headers(MAP_REQUEST);
    const method = map.value(":method");
    const path = map.find(":path") ? pathOf(map) : "";
    if (map.find("content-encoding")) operation.contentEncoding = map.value("content-encoding");
    findKey(map);
    const outcome = worker().gateway.authorize(operation, method, path, map.source, map.valueStart, map.valueEnd, time);
    if (operation.endpoint == IMAGE_EDITS) operation.contentType = map.value("content-type");
    return this.advance(outcome, time) ? CONTINUE : STOP_ITERATION;
  }

  override onRequestBody(size: i32, last: bool): i32 {
    if (this.answered) return STOP_NO_BUFFER;
    this.buffered = size;
    if (!last) return STOP_AND_BUFFER;
    this.complete = true;
    this.body = host.takeBody(BUFFER_REQUEST, size);
    if (this.waiting) return STOP_AND_BUFFER;
    return this.submit() ? CONTINUE : STOP_AND_BUFFER;
  }

  override onRequestTrailers(): i32 {
    // A body that ends with trailers is complete all the same.
    return this.onRequestBody(this.buffered, true) == CONTINUE ? CONTINUE : STOP_ITERATION;
  }

  /** The root has news from the control service: goes on if they are what this waited for. */
  wake(): void {
    const operation = this.operation;
    if (!this.waiting || operation == null) return;
    host.enter(this.id);
    this.waiting = false;
    const time = now();
    const outcome = worker().gateway.resume(operation, time);
    const mayGoOn = operation.order.length > 0 ? this.admitted(outcome, time) : this.advance(outcome, time);
    if (mayGoOn && this.complete && this.submit()) host.continueStream(STREAM_REQUEST);
  }

  /** Acts on what the gateway decided of the headers; whether the request may go on. */
  private advance(outcome: i32, time: f64): bool {
    const operation = this.operation!;
    let decided = outcome;
    if (decided == NEED_ADDRESS) {
      operation.address = host.property(SOURCE_ADDRESS);
      decided = worker().gateway.resume(operation, time);
    }
    if (decided == WAIT) {
      this.waiting = true;
      this.root.wait(this, time);
      return false;
    }
    if (decided == READY) {
      // A request without a body is judged as one with an empty body.
      if (this.complete && this.body == null) this.body = new Uint8Array(0);
      return this.complete ? this.submit() : false;
    }
    this.reply(decided == ANSWERED);
    return false;
  }

  /** The body is here: picks the targets and prepares the request for the router; false when it was refused. */
  private submit(): bool {
    const operation = this.operation!;
    if (operation.order.length > 0) return !this.waiting;
    const body = this.body;
    const time = lately();
    return this.admitted(worker().gateway.submit(operation, body == null ? new Uint8Array(0) : body, time), time);
  }

  /** Acts on what the gateway decided of the body and the limits; whether the request may go to a provider. */
  private admitted(outcome: i32, time: f64): bool {
    const operation = this.operation!;
    const gateway = worker().gateway;
    if (outcome == WAIT) {
      this.waiting = true;
      this.root.wait(this, time);
      return false;
    }
    if (outcome != READY) {
      this.reply(false);
      return false;
    }
    worker().admit(operation);
    // The client's other headers stay until the upstream filter puts its own in the place of all.
    host.replaceHeader(MAP_REQUEST, REQUEST_ID, operation.id);
    host.replaceHeader(MAP_REQUEST, CLUSTER, gateway.cluster(operation));
    const patience = gateway.patience(operation);
    if (patience > 0) host.replaceHeader(MAP_REQUEST, TRY_TIMEOUT, patience.toString());
    const retries = operation.order.length - 1;
    if (retries > 0) host.replaceHeader(MAP_REQUEST, MAX_RETRIES, retries.toString());
    return true;
  }

  /** Answers from here: with the gateway's answer, or with its problem. */
  private reply(success: bool): void {
    const operation = this.operation!;
    const out = clearBody();
    headersOut.clear().add("content-type", "application/json");
    let status = 200;
    if (success) out.all(operation.answer);
    else {
      const problem = operation.problem!;
      status = problem.status;
      problem.write(out);
      if (problem.retryAfter > 0) headersOut.addInt("retry-after", problem.retryAfter);
      addRateHeaders(operation);
    }
    this.send(status, out, success ? "oneapi_answered" : "oneapi_refused");
  }

  /** Answers with the body written and the headers gathered. */
  private send(status: i32, out: ByteWriter, details: string): void {
    const operation = this.operation!;
    // Envoy shows the client the id of the request's own header.
    host.replaceHeader(MAP_REQUEST, REQUEST_ID, operation.id);
    this.answered = true;
    host.respond(status, out, headersOut, details);
  }

  override onResponseHeaders(_count: i32, last: bool): i32 {
    const operation = this.operation;
    if (this.answered || operation == null) return CONTINUE;
    const attempt = operation.last();
    if (attempt != null && attempt.decided && !attempt.failed) return CONTINUE;
    const details = host.property(RESPONSE_DETAILS);
    if (attempt != null && attempt.problem != null && (details == "via_upstream" || details == UPSTREAM_REFUSED)) {
      if (!last) return CONTINUE;
      this.giveBody(attempt.problem!);
      return STOP_ITERATION;
    }
    // Nobody of ours has made this answer: Envoy has, as no provider could be reached or none answered in time.
    const problem = explain(operation, details);
    this.ownAnswer = problem;
    host.replaceHeader(MAP_RESPONSE, STATUS, problem.status.toString());
    host.replaceHeader(MAP_RESPONSE, CONTENT_TYPE, "application/json");
    host.replaceHeader(MAP_RESPONSE, CONTENT_LENGTH, sizeOf(problem));
    return CONTINUE;
  }

  /** A provider's error had no body that could be replaced: the client gets one in an answer of ours. */
  private giveBody(problem: Problem): void {
    const out = clearBody();
    problem.write(out);
    headersOut.clear().add("content-type", "application/json");
    if (problem.retryAfter > 0) headersOut.addInt("retry-after", problem.retryAfter);
    this.send(problem.status, out, "oneapi_empty_error");
  }

  override onResponseBody(size: i32, last: bool): i32 {
    const problem = this.ownAnswer;
    if (problem == null) return this.mustHold(last) ? STOP_AND_BUFFER : this.pass(last);
    if (!last) return STOP_AND_BUFFER;
    const out = clearBody();
    problem.write(out);
    host.replaceBody(BUFFER_RESPONSE, size, out.bytes, out.length);
    return CONTINUE;
  }

  /** Whether this is the end of an answer whose record must be stored before the client has it. */
  private mustHold(last: bool): bool {
    const operation = this.operation;
    if (operation == null || operation.key == null || !operation.key!.strict) return false;
    const attempt = operation.last();
    if (attempt == null || attempt.truncated || (!last && !attempt.complete)) return false;
    const gateway = worker().gateway;
    gateway.close(operation, false, now());
    if (gateway.mayEnd(operation, lately())) return false;
    if (!this.ending) this.root.waitForStore(this);
    this.ending = true;
    return true;
  }

  /** The control service has answered, or time has passed: lets the end go if it may. False while it may not. */
  end(time: f64): bool {
    const operation = this.operation;
    if (operation == null) return true;
    if (!worker().gateway.mayEnd(operation, time)) return false;
    host.enter(this.id);
    host.continueStream(STREAM_RESPONSE);
    return true;
  }

  private pass(last: bool): i32 {
    const open = this.passage;
    if (open != null) return open.pass(last);
    const operation = this.operation;
    if (last || operation == null) return CONTINUE;
    const attempt = operation.last();
    if (attempt == null || !attempt.isStream()) return CONTINUE;
    const passage = new Passage(this.id, operation.number, this.root.passages);
    this.passage = passage;
    return passage.pass(last);
  }

  override onDelete(): void {
    const passage = this.passage;
    if (passage != null) passage.close();
    const operation = this.operation;
    if (operation == null) return;
    worker().release(operation);
    if (this.waiting || this.ending) this.root.leave(this);
    worker().gateway.close(operation, this.hasClientLeft(operation), lately());
    this.root.nudge();
    this.operation = null;
  }

  private hasClientLeft(operation: Operation): bool {
    const attempt = operation.last();
    if (this.answered || this.ownAnswer != null || (attempt != null && attempt.complete)) return false;
    return host.property(RESPONSE_DETAILS).startsWith("downstream");
  }
}

/** In OpenAI's words, why Envoy answered itself. */
function explain(operation: Operation, details: string): Problem {
  const attempt = operation.last();
  const late = details.includes("timeout");
  if (attempt != null) attempt.lost(late ? "timeout" : "connection", now());
  if (attempt == null) {
    const problem = details.startsWith("request_payload_too_large")
      ? new Problem(413, "invalid_request_error", "request_too_large", "", "The request's body is larger than 50 MiB.")
      : unavailable("The gateway cannot reach the model's providers yet.", "no_target_available");
    operation.problem = problem;
    return problem;
  }
  if (late) return new Problem(504, "provider_error", "provider_timeout", "", "No provider answered in time.");
  return providerError("No provider could be reached.");
}

/** The path without its query. */
function pathOf(map: HeaderMap): string {
  const query = findByte(map.source, 0x3f, map.valueStart, map.valueEnd);
  return decodeUtf8(map.source, map.valueStart, query < 0 ? map.valueEnd : query);
}

/** Points the map at the client's key: a bearer token, or what stands in `x-api-key` or `api-key`. */
function findKey(map: HeaderMap): void {
  if (map.find("authorization") && map.valueEnd - map.valueStart > 7) {
    if (equalsAsciiFolded(map.source, map.valueStart, map.valueStart + 7, "bearer ")) {
      map.valueStart += 7;
      while (map.valueStart < map.valueEnd && map.source[map.valueStart] == 0x20) map.valueStart++;
      return;
    }
  }
  if (map.find("x-api-key") || map.find("api-key")) return;
  map.valueStart = 0;
  map.valueEnd = 0;
}

function sizeOf(problem: Problem): string {
  const out = clearBody();
  problem.write(out);
  return out.length.toString();
}
