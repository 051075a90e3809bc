/** Plays a vector through the TypeScript build of the core, as a host in Node would use it. */
import "../core/target.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { type Attempt, HOLD } from "../core/gateway/attempt.ts";
import { Gateway } from "../core/gateway/gateway.ts";
import { ANSWERED, type Operation, READY, WAIT } from "../core/gateway/operation.ts";
import { Sync } from "../core/gateway/sync.ts";
import type { Problem } from "../core/problem.ts";
import type { Outcome, Sent } from "./conformance.ts";
import { CLIENT_KEY, ControlStandIn } from "./control.ts";
import { type Message, NOW, type Vector } from "./load.ts";

const NOW_MS = NOW * 1000;

export function runInCore(vector: Vector, cut: (stream: Buffer) => Buffer[]): Outcome {
  const control = new ControlStandIn(vector);
  const gateway = new Gateway("00000000", 1);
  const sync = new Sync(gateway, "node", "00000000", "kong");
  const out = new ByteWriter(0);
  const ask = () => control.answer(Buffer.from(out.take())) ?? Buffer.alloc(0);
  if (sync.poll(NOW_MS, out)) sync.polled(ask(), NOW_MS);
  const push = (now: number) => {
    out.clear();
    if (sync.push(now, out)) sync.pushed(ask(), now);
  };

  const operation = gateway.open(NOW_MS);
  const requests: Sent[] = [];
  const client =
    decide(gateway, operation, vector.request, push) ?? tryTargets(gateway, operation, vector, cut, requests);
  gateway.close(operation, false, NOW_MS);
  push(NOW_MS + 1000);
  return { requests, client, records: control.records };
}

/** The gateway's own answer, or null when the call may go to a provider. */
function decide(gateway: Gateway, operation: Operation, request: Message, push: (now: number) => void): Sent | null {
  const { authorization = `Bearer ${CLIENT_KEY}` } = request.headers;
  const key = Buffer.from((authorization ?? "").replace(/^Bearer /, ""));
  const path = (request.path ?? "").replace(/\?.*/, "");
  let state = gateway.authorize(operation, request.method ?? "", path, key, 0, key.length, NOW_MS);
  if (state === WAIT) {
    push(NOW_MS);
    state = gateway.resume(operation, NOW_MS);
  }
  if (state === READY) state = gateway.submit(operation, request.body, NOW_MS);
  if (state === READY) return null;
  if (state === ANSWERED) return answer(200, "application/json", Buffer.from(operation.answer));
  if (operation.problem === null) throw new Error(`the gateway answered ${state} and gave no reason`);
  return problemAnswer(operation.problem);
}

function tryTargets(
  gateway: Gateway,
  operation: Operation,
  vector: Vector,
  cut: (stream: Buffer) => Buffer[],
  requests: Sent[],
): Sent {
  for (;;) {
    const attempt = gateway.attempt(operation, "", NOW_MS);
    if (attempt === null) throw new Error("there is no further target");
    const request = attempt.request();
    const script = vector.attempts[requests.length]?.answers;
    let body: Buffer = Buffer.alloc(0);
    if (request !== null) {
      requests.push(sentTo(attempt, request.path, request.headers, request.body));
      if (script === undefined) throw new Error("a provider was called that has no answer");
      body = play(attempt, script, cut);
    }
    const retries = operation.attempts.length < operation.order.length;
    if (attempt.failed && (attempt.problem?.retryable ?? true) && retries) continue;
    if (attempt.failed) return problemAnswer(attempt.problem);
    return answer(attempt.shownStatus(), attempt.answersStream() ? "text/event-stream" : "application/json", body);
  }
}

/** Feeds the provider's answer to the attempt; what the client gets of it. */
function play(attempt: Attempt, script: Message, cut: (stream: Buffer) => Buffer[]): Buffer {
  if (script.status === 0) {
    attempt.lost("reset", NOW_MS);
    return Buffer.alloc(0);
  }
  attempt.head(script.status, script.stream, script.headers["retry-after"] ?? "");
  const out = new ByteWriter(0);
  const pieces = attempt.isStream() ? cut(script.body) : [script.body];
  const got: Buffer[] = [];
  for (const [index, piece] of pieces.entries()) {
    out.clear();
    const outcome = attempt.data(piece, piece.length, index === pieces.length - 1, out, NOW_MS);
    if (outcome === HOLD) continue;
    got.push(Buffer.from(outcome === 0 ? piece : out.take()));
  }
  return Buffer.concat(got);
}

function sentTo(attempt: Attempt, path: string, headers: string[], body: Uint8Array): Sent {
  const pairs = headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1] ?? ""]] : []));
  const host = attempt.exchange.provider.authority;
  return { method: "POST", path, status: 0, headers: { host, ...Object.fromEntries(pairs) }, body: Buffer.from(body) };
}

function answer(status: number, type: string, body: Buffer): Sent {
  return { method: "", path: "", status, headers: { "content-type": type }, body };
}

function problemAnswer(problem: Problem | null): Sent {
  if (problem === null) throw new Error("an attempt failed and gave no reason");
  const out = new ByteWriter(0);
  problem.write(out);
  const sent = answer(problem.status, "application/json", Buffer.from(out.take()));
  if (problem.retryAfter > 0) sent.headers["retry-after"] = String(problem.retryAfter);
  return sent;
}
