import { ByteWriter } from "../byte-writer.ts";
import { sliceBytes } from "../bytes.ts";
import { Exchange, FAILED, PASS, ProviderRequest, REPLACED } from "../exchange.ts";
import { Json } from "../json.ts";
import { Problem, providerError } from "../problem.ts";
import { canBeStreamed, writeAsStream } from "./whole-as-stream.ts";

/** Nothing can be said yet: the bytes are kept here, the host holds the answer's headers. */
export const HOLD: i32 = 3;

const WAITING: i32 = 0;
const STREAM: i32 = 1;
const WHOLE: i32 = 2;
const ERROR: i32 = 3;

/**
 * One upstream call of an operation: what goes to the provider, and what of its answer goes to the client.
 *
 * Nothing reaches the client before the attempt is `decided`: a stream by its first event, anything else by its whole
 * body. If it then `failed`, the next target may be tried and the client notices nothing.
 */
export class Attempt {
  readonly operationId: string;
  readonly exchange: Exchange;
  readonly credential: string;
  readonly startedAt: f64;
  /** The provider's status; 0 while it has not answered. */
  status: i32 = 0;
  /** What went wrong, in a word or two, for the record; empty when nothing did. */
  error: string = "";
  endedAt: f64 = 0;
  /** When the first event or the whole answer was there. */
  decidedAt: f64 = 0;
  decided: boolean = false;
  failed: boolean = false;
  /** The answer came to its proper end, or to an error that was passed on. */
  complete: boolean = false;
  /** A stream failed after the client had seen a part of it. */
  truncated: boolean = false;
  /** What the client is told if this is the last attempt. */
  problem: Problem | null = null;

  private mode: i32 = WAITING;
  private retryAfter: string = "";
  private readonly held: ByteWriter = new ByteWriter(0);

  constructor(operationId: string, exchange: Exchange, credential: string, now: f64) {
    this.operationId = operationId;
    this.exchange = exchange;
    this.credential = credential;
    this.startedAt = now;
  }

  /** What to send; null when the target cannot express the call (`problem` says why). */
  request(): ProviderRequest | null {
    const out = new ProviderRequest();
    if (this.exchange.request(this.credential, out)) return out;
    const problem = this.exchange.problem;
    this.fail(
      problem == null ? providerError("The request cannot be expressed for this model.") : problem,
      "unsupported",
    );
    this.finish(this.startedAt);
    return null;
  }

  /** Takes the head of the provider's answer. `retryAfter` is that header's value, or empty. */
  head(status: i32, isEventStream: boolean, retryAfter: string): void {
    this.status = status;
    this.retryAfter = retryAfter;
    if (status < 200 || status > 299) this.mode = ERROR;
    else this.mode = isEventStream && this.exchange.call.stream ? STREAM : WHOLE;
  }

  isStream(): boolean {
    return this.mode === STREAM;
  }

  /** Whether the client gets a stream, if the attempt succeeds: a whole answer to a call for one is made one. */
  answersStream(): boolean {
    return (
      this.mode === STREAM || (this.mode === WHOLE && this.exchange.call.stream && canBeStreamed(this.exchange.call))
    );
  }

  /**
   * Takes the next bytes of the answer, `chunk[0, length)`; of anything but a stream, all of them at once. Answers HOLD,
   * PASS (the chunk as it came) or REPLACED (by `out`, to which it appends).
   */
  data(chunk: Uint8Array, length: i32, last: boolean, out: ByteWriter, now: f64): i32 {
    if (this.mode === STREAM) return this.stream(chunk, length, last, out, now);
    if (this.complete) return REPLACED;
    const body: Uint8Array = length === chunk.length ? chunk : sliceBytes(chunk, 0, length);
    if (this.mode === ERROR) {
      this.fail(this.failure(body), "status " + this.status.toString());
    } else {
      const outcome = this.exchange.response(body, out);
      if (outcome !== FAILED) {
        this.decide(now);
        this.finish(now);
        return this.answersStream() ? this.asStream(outcome === PASS ? body : out.take(), out) : outcome;
      }
      out.clear();
      this.fail(this.ownProblem(), "bad answer");
    }
    this.finish(now);
    this.decidedAt = now;
    this.problem!.write(out);
    return REPLACED;
  }

  private asStream(body: Uint8Array, out: ByteWriter): i32 {
    const answer = Json.parse(body);
    out.clear();
    if (answer != null) writeAsStream(answer, this.exchange.call, out);
    return REPLACED;
  }

  private stream(chunk: Uint8Array, length: i32, last: boolean, out: ByteWriter, now: f64): i32 {
    const exchange = this.exchange;
    if (this.complete) {
      return length === 0 ? PASS : REPLACED;
    }
    if (!this.decided) {
      const outcome = exchange.chunk(chunk, length, last, this.held);
      if (outcome === FAILED && !exchange.begun) {
        this.fail(this.ownProblem(), "bad stream");
        this.finish(now);
        this.problem!.write(out);
        return REPLACED;
      }
      const kept = this.held;
      if (!exchange.begun && !exchange.finished) {
        return HOLD;
      }
      this.decide(now);
      const untouched = outcome === PASS && kept.length === length;
      if (!untouched) out.writer(kept);
      kept.shrink(0);
      if (outcome === FAILED) this.truncate(out, now);
      if (exchange.finished) this.finish(now);
      return untouched ? PASS : REPLACED;
    }
    const outcome = exchange.chunk(chunk, length, last, out);
    if (outcome === FAILED) {
      this.truncate(out, now);
      return REPLACED;
    }
    if (exchange.finished) this.finish(now);
    return outcome;
  }

  /** The stream broke: one error event, and no `[DONE]` after it. */
  private truncate(out: ByteWriter, now: f64): void {
    const problem = this.ownProblem();
    this.truncated = true;
    this.problem = problem;
    this.error = "truncated";
    problem.writeEvent(out);
    this.finish(now);
  }

  private failure(body: Uint8Array): Problem {
    if (this.status < 400) return providerError("The provider answered with an unexpected status.");
    return this.exchange.failure(this.status, body, this.retryAfter);
  }

  private ownProblem(): Problem {
    const problem = this.exchange.problem;
    if (problem == null) return providerError("The provider failed.");
    return this.scrub(problem);
  }

  /** A provider may repeat the credential it was shown. */
  private scrub(problem: Problem): Problem {
    if (this.credential.length === 0 || !problem.message.includes(this.credential)) return problem;
    const clean = new Problem(problem.status, problem.type, problem.code, "", "The provider refused the request.");
    clean.retryable = problem.retryable;
    clean.restMs = problem.restMs;
    clean.retryAfter = problem.retryAfter;
    return clean;
  }

  private fail(problem: Problem, error: string): void {
    this.failed = true;
    this.problem = this.scrub(problem);
    if (this.error.length === 0) this.error = error;
  }

  private decide(now: f64): void {
    this.decided = true;
    this.decidedAt = now;
  }

  private finish(now: f64): void {
    if (this.complete) return;
    this.complete = true;
    this.decided = true;
    this.endedAt = now;
  }

  /** The connection ended, or never came about, before the answer was complete. */
  lost(error: string, now: f64): void {
    if (this.complete) return;
    if (this.decided && this.mode === STREAM) this.truncated = true;
    else this.failed = true;
    if (this.error.length === 0) this.error = error;
    this.complete = true;
    this.endedAt = now;
  }

  /** The status that the client (and a proxy that decides on a retry) sees. */
  shownStatus(): i32 {
    const problem = this.problem;
    return problem == null || this.truncated ? 200 : problem.status;
  }
}
