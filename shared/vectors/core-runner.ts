/** Plays a vector through the TypeScript build of the core, as a host in Node would use it. */
import "../core/target.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import type { ProviderRequest } from "../core/exchange.ts";
import { type Attempt, HOLD } from "../core/gateway/attempt.ts";
import { Gateway } from "../core/gateway/gateway.ts";
import { ANSWERED, type Operation, READY, WAIT } from "../core/gateway/operation.ts";
import { Sync } from "../core/gateway/sync.ts";
import type { Problem } from "../core/problem.ts";
import { retryAfterOf } from "../core/provider-status.ts";
import type { Cut, Outcome, Sent } from "./conformance.ts";
import { CLIENT_KEY, ControlStandIn } from "./control.ts";
import { type Message, NOW, type Vector } from "./load.ts";

/** `now`: Unix time in milliseconds. */
export function runInCore(vector: Vector, cut: Cut, now = NOW * 1000): Outcome {
  return new CoreRun(vector, cut, now).play();
}

class CoreRun {
  readonly #vector: Vector;
  readonly #cut: Cut;
  readonly #now: number;
  readonly #control: ControlStandIn;
  readonly #gateway = new Gateway("00000000", 1);
  readonly #sync = new Sync(this.#gateway, "node", "00000000", "kong");
  readonly #operation: Operation;
  readonly #requests: Sent[] = [];

  constructor(vector: Vector, cut: Cut, now: number) {
    this.#vector = vector;
    this.#cut = cut;
    this.#now = now;
    this.#control = new ControlStandIn(vector);
    this.#operation = this.#gateway.open(now);
  }

  play(): Outcome {
    const out = new ByteWriter(0);
    if (this.#sync.poll(this.#now, out)) this.#sync.polled(this.#ask(out), this.#now);
    const client = this.#decide() ?? this.#tryTargets();
    this.#gateway.close(this.#operation, false, this.#now);
    this.#push(this.#now + 1000);
    return { requests: this.#requests, client, records: this.#control.records };
  }

  #ask(message: ByteWriter): Uint8Array {
    return this.#control.answer(Buffer.from(message.take())) ?? Buffer.alloc(0);
  }

  /** Keys are asked for and records are delivered with this. */
  #push(time: number): void {
    const out = new ByteWriter(0);
    if (this.#sync.push(time, out)) this.#sync.pushed(this.#ask(out), time);
  }

  /** The gateway's own answer, or null when the call may go to a provider. */
  #decide(): Sent | null {
    const { headers, method, path, body } = this.#vector.request;
    const { authorization = `Bearer ${CLIENT_KEY}` } = headers;
    const key = Buffer.from(authorization?.replace(/^Bearer /, "") ?? headers["api-key"] ?? "");
    const gateway = this.#gateway;
    const operation = this.#operation;
    operation.contentEncoding = headers["content-encoding"] ?? "";
    operation.contentType = headers["content-type"] ?? "application/json";
    let state = gateway.authorize(
      operation,
      method ?? "",
      (path ?? "").replace(/\?.*/, ""),
      key,
      0,
      key.length,
      this.#now,
    );
    if (state === WAIT) {
      this.#push(this.#now);
      state = gateway.resume(operation, this.#now);
    }
    if (state === READY) state = gateway.submit(operation, body, this.#now);
    if (state === READY) return null;
    if (state === ANSWERED) return answer(200, "application/json", Buffer.from(operation.answer));
    return problemAnswer(operation.problem);
  }

  #tryTargets(): Sent {
    for (;;) {
      const attempt = this.#gateway.attempt(this.#operation, "", this.#now);
      if (attempt === null) throw new Error("there is no further target");
      const body = this.#call(attempt);
      const others = this.#operation.attempts.length < this.#operation.order.length;
      if (!attempt.failed) return answer(attempt.shownStatus(), typeOf(attempt), body);
      if (!others || attempt.problem?.retryable === false) return problemAnswer(attempt.problem);
    }
  }

  /** Sends the attempt's request, if it can be expressed; what the client gets of the answer. */
  #call(attempt: Attempt): Buffer {
    const request = attempt.request();
    if (request === null) return Buffer.alloc(0);
    return this.#receive(attempt, this.#send(attempt, request));
  }

  /** What the vector's provider answers to its next call. */
  #send(attempt: Attempt, request: ProviderRequest): Message {
    const script = this.#vector.attempts[this.#requests.length]?.answers;
    if (script === undefined) throw new Error("a provider was called that has no answer");
    this.#requests.push(sentTo(attempt, request));
    return script;
  }

  #receive(attempt: Attempt, script: Message): Buffer {
    if (script.status === 0) {
      attempt.lost("reset", this.#now);
      return Buffer.alloc(0);
    }
    const { "content-encoding": encoding, "content-type": type } = script.headers;
    if (encoding != null) attempt.encoded(encoding);
    const labelled = type === undefined ? script.stream : (type ?? "").startsWith("text/event-stream");
    const { "retry-after": seconds, "retry-after-ms": milliseconds } = script.headers;
    attempt.head(script.status, labelled, retryAfterOf(seconds ?? "", milliseconds ?? ""));
    const out = new ByteWriter(0);
    const pieces = this.#cut(script.body);
    const got: Buffer[] = [];
    let held: Buffer = Buffer.alloc(0);
    for (const [index, piece] of pieces.entries()) {
      const last = index === pieces.length - 1;
      held = Buffer.concat([held, piece]);
      if (attempt.isUnsure()) attempt.sniff(held, held.length);
      if (!last && !attempt.isStream()) continue;
      out.clear();
      const outcome = attempt.data(held, held.length, last, out, this.#now);
      if (outcome !== HOLD) got.push(Buffer.from(outcome === 0 ? held : out.take()));
      held = Buffer.alloc(0);
    }
    return attempt.complete || attempt.isStream() ? Buffer.concat(got) : this.#callFurther(attempt);
  }

  /** Makes the further calls that a whole answer needs, those under way together one after the other; waits are nothing. */
  #callFurther(attempt: Attempt): Buffer {
    const out = new ByteWriter(0);
    for (;;) {
      const calls: { part: number; script: Message }[] = [];
      for (let request = attempt.further(); request !== null; request = attempt.further()) {
        calls.push({ part: request.part, script: this.#send(attempt, request) });
      }
      if (calls.length === 0) throw new Error("the attempt waits for an answer that nobody gives");
      for (const { part, script } of calls) {
        const { status, body, headers } = script;
        const outcome = attempt.part(part, status, body, headers["retry-after"] ?? "", out, this.#now);
        if (outcome !== HOLD) return Buffer.from(out.take());
      }
    }
  }
}

function typeOf(attempt: Attempt): string {
  return attempt.answersStream() ? "text/event-stream" : "application/json";
}

function sentTo(attempt: Attempt, { method, path, headers, body }: ProviderRequest): Sent {
  const pairs = headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1] ?? ""]] : []));
  const host = attempt.exchange.provider.authority;
  return { method, path, status: 0, headers: { host, ...Object.fromEntries(pairs) }, body: Buffer.from(body) };
}

function answer(status: number, type: string, body: Buffer): Sent {
  return { method: "", path: "", status, headers: { "content-type": type }, body };
}

function problemAnswer(problem: Problem | null): Sent {
  if (problem === null) throw new Error("the gateway refused and gave no reason");
  const out = new ByteWriter(0);
  problem.write(out);
  const sent = answer(problem.status, "application/json", Buffer.from(out.take()));
  if (problem.retryAfter > 0) sent.headers["retry-after"] = String(problem.retryAfter);
  return sent;
}
