import { Rates } from "../admission/price.ts";
import { ByteWriter } from "../byte-writer.ts";
import { sliceBytes } from "../bytes.ts";
import { ContentCoding, contentCodingOf, plainBody } from "../content-coding.ts";
import { Exchange, FAILED, MORE, PASS, ProviderRequest, REPLACED } from "../exchange.ts";
import { Json } from "../json.ts";
import { writeWithNull } from "../not-a-number.ts";
import { Problem, providerError } from "../problem.ts";
import { redact } from "../redact.ts";
import { MAX_EVENT } from "../sse.ts";
import { EVENTS, NO_EVENTS, sniffEvents } from "./event-sniff.ts";
import { writeAsWhole } from "./stream-as-whole.ts";
import { canBeStreamed, writeAsStream } from "./whole-as-stream.ts";

/** Nothing can be said yet: the bytes are kept here, the host holds the answer's headers. */
export const HOLD: i32 = 4;

/** The most further calls of an attempt that are under way at a time. */
const MOST_UNDER_WAY: i32 = 4;

/** A whole answer of more bytes is refused. */
export const LONGEST_ANSWER: i32 = 64 * 1024 * 1024;

const WAITING: i32 = 0;
const STREAM: i32 = 1;
const WHOLE: i32 = 2;
const ERROR: i32 = 3;

/**
 * One try of an operation at a provider: what goes there, and what of its answer goes to the client. That is one call; a
 * whole answer may need further ones, which the host makes as `further` names them and answers by `part`.
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

  /** Of the target; null when it has no price. */
  rates: Rates | null = null;

  private mode: i32 = WAITING;
  private retryAfter: string = "";
  /** Further calls that have been named and not answered. */
  private underWay: i32 = 0;
  private coding: ContentCoding | null = null;
  /** The answer's first bytes may still tell that it is a stream. */
  private sniffing: boolean = false;
  /** A stream that was announced as something else. */
  private mislabelled: boolean = false;
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

  /** Takes the answer's `content-encoding`, before `head`; when there is none, nothing need be said. */
  encoded(contentEncoding: string): void {
    this.coding = contentCodingOf(contentEncoding);
  }

  /** Takes the head of the provider's answer. `retryAfter` is that header's value, or empty. */
  head(status: i32, isEventStream: boolean, retryAfter: string): void {
    this.status = status;
    this.retryAfter = retryAfter;
    if (status < 200 || status > 299) this.mode = ERROR;
    else this.mode = isEventStream && this.exchange.call.stream ? STREAM : WHOLE;
    this.sniffing = this.mode === WHOLE && this.exchange.call.stream && this.coding == null;
  }

  /** Whether the answer's bytes change on their way to the client: its announced length and type are not theirs. */
  get rewrites(): boolean {
    return this.exchange.rewrites || this.coding != null || this.mislabelled;
  }

  /** Whether `sniff` is to be asked with what has come of the answer. */
  isUnsure(): boolean {
    return this.sniffing && !this.complete;
  }

  /** Looks at the first bytes of an answer that is announced as no stream: some servers label a stream as JSON or text. */
  sniff(bytes: Uint8Array, length: i32): void {
    const found = sniffEvents(bytes, length);
    if (found === EVENTS) this.becomeStream();
    else if (found === NO_EVENTS) this.sniffing = false;
  }

  private becomeStream(): void {
    this.sniffing = false;
    this.mislabelled = true;
    this.mode = STREAM;
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
    const coding = this.coding;
    if (coding == null || this.complete) return this.take(chunk, length, last, out, now);
    const plain = coding.decode(chunk, length, last, this.mode === STREAM ? MAX_EVENT : LONGEST_ANSWER);
    if (coding.fault.length > 0) {
      if (this.mode === WHOLE) return this.refuse(providerError(coding.fault), "bad answer", out, now);
      // An error's status tells enough.
      if (this.mode === ERROR) plain.clear();
    }
    // What comes before a fault still counts, but it is not the end.
    const ends = last && coding.fault.length === 0;
    const outcome = this.take(plain.bytes, plain.length, ends || this.mode === ERROR, out, now);
    if (outcome === PASS) out.clear().writer(plain);
    if (coding.fault.length > 0 && !this.complete) {
      this.exchange.problem = providerError(coding.fault);
      return this.breakStream(out, now);
    }
    return outcome === PASS ? REPLACED : outcome;
  }

  /** As `data`, of bytes that are not compressed. */
  private take(chunk: Uint8Array, length: i32, last: boolean, out: ByteWriter, now: f64): i32 {
    if (this.mode === STREAM) return this.stream(chunk, length, last, out, now);
    if (this.complete) return REPLACED;
    const body: Uint8Array = length === chunk.length ? chunk : sliceBytes(chunk, 0, length);
    if (this.mode === ERROR) return this.refuse(this.failure(body), "status " + this.status.toString(), out, now);
    const events = sniffEvents(body, length) === EVENTS;
    if (events && this.exchange.call.stream) {
      this.becomeStream();
      return this.stream(body, length, last, out, now);
    }
    if (events) return this.whole(this.joinStream(body, out), body, out, now);
    const outcome = this.readWhole(body, out);
    // Further calls are answered in the place of this body: the host has none to put an answer into.
    if (outcome === MORE && length === 0) return this.refuse(emptyAnswer(), "bad answer", out, now);
    return this.whole(outcome, body, out, now);
  }

  /**
   * The next of the further calls to be made, or null when none is to be made now. To be asked, until it says null, each
   * time that `data` of a whole answer, or `part`, has answered HOLD.
   */
  further(): ProviderRequest | null {
    if (this.complete || this.underWay === MOST_UNDER_WAY) return null;
    const out = new ProviderRequest();
    if (!this.exchange.further(this.credential, out)) return null;
    this.underWay++;
    return out;
  }

  /**
   * Takes the answer to the further call that is `part` of the whole one; status 0: none came. Answers HOLD, or REPLACED
   * when the client's answer, good or bad, has been appended to `out`.
   */
  part(part: i32, status: i32, bytes: Uint8Array, retryAfter: string, out: ByteWriter, now: f64): i32 {
    if (this.complete) return HOLD;
    this.underWay--;
    const body = plainBody(bytes, LONGEST_ANSWER);
    if (status >= 200 && status < 300) return this.whole(this.exchange.part(part, body, out), body, out, now);
    if (this.exchange.forgives(status)) return HOLD;
    if (status === 0) return this.refuse(providerError("The provider broke off."), "connection", out, now);
    this.status = status;
    this.retryAfter = retryAfter;
    return this.refuse(this.failure(body), "status " + status.toString(), out, now);
  }

  /** What the exchange made of a whole answer. */
  private whole(outcome: i32, body: Uint8Array, out: ByteWriter, now: f64): i32 {
    if (outcome === MORE) return HOLD;
    if (outcome === FAILED) return this.refuse(this.ownProblem(), "bad answer", out, now);
    this.decide(now);
    this.finish(now);
    return this.answersStream() ? this.asStream(outcome === PASS ? body : out.take(), out) : outcome;
  }

  private refuse(problem: Problem, error: string, out: ByteWriter, now: f64): i32 {
    this.fail(problem, error);
    this.finish(now);
    this.decidedAt = now;
    out.clear();
    this.problem!.write(out);
    return REPLACED;
  }

  private readWhole(body: Uint8Array, out: ByteWriter): i32 {
    const outcome = this.exchange.response(body, out);
    if (outcome !== FAILED) return outcome;
    const mended = new ByteWriter(0);
    if (!writeWithNull(body, 0, body.length, mended)) return FAILED;
    // It was no JSON for its NaN, so nothing of it has been taken yet.
    this.exchange.problem = null;
    const again = this.exchange.response(mended.take(), out.clear());
    if (again === PASS) out.writer(mended);
    return again === PASS ? REPLACED : again;
  }

  /** A stream that nobody asked for. */
  private joinStream(body: Uint8Array, out: ByteWriter): i32 {
    const exchange = this.exchange;
    const chunks = new ByteWriter(0);
    const outcome = exchange.chunk(body, body.length, true, chunks);
    if (outcome === FAILED) return FAILED;
    const stream = outcome === PASS ? body : chunks.take();
    if (writeAsWhole(stream, exchange.call, exchange.usage, out)) return REPLACED;
    exchange.problem = providerError("The provider answered with a stream that was not asked for.");
    return FAILED;
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
      if (outcome === FAILED && !exchange.begun) return this.breakStream(out, now);
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
    if (outcome === FAILED) return this.breakStream(out, now);
    if (exchange.finished) this.finish(now);
    return outcome;
  }

  /** The stream cannot be read on: before its first event the attempt has failed, after it the client is told. */
  private breakStream(out: ByteWriter, now: f64): i32 {
    if (!this.decided) return this.refuse(this.ownProblem(), "bad stream", out, now);
    this.truncate(out, now);
    return REPLACED;
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

  /** A provider may repeat the credential it was shown, or tell of the account behind it. */
  private scrub(problem: Problem): Problem {
    let message = redact(problem.message);
    if (this.credential.length > 0 && message.includes(this.credential)) message = "The provider refused the request.";
    else if (message === problem.message) return problem;
    const clean = new Problem(problem.status, problem.type, problem.code, "", message);
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

function emptyAnswer(): Problem {
  return providerError("The provider's answer is empty.");
}
