import { ByteWriter } from "../byte-writer.ts";
import { JsonWriter } from "../json-writer.ts";
import { shorten } from "../text.ts";
import { ESTIMATOR, estimatePrompt, estimateTokens } from "../tokens.ts";
import { USAGE_ESTIMATE, USAGE_NONE, Usage, usageSourceName } from "../usage.ts";
import { Attempt } from "./attempt.ts";
import { endpointPath } from "./endpoint.ts";
import { Operation } from "./operation.ts";

/** The most of a model's name and of a provider's usage object that a record holds: what it takes is never a peer's to say. */
const LONGEST_NAME: i32 = 1024;
const LONGEST_USAGE: i32 = 16384;

export const OK: i32 = 0;
export const CLIENT_ERROR: i32 = 1;
export const PROVIDER_ERROR: i32 = 2;
export const CLIENT_CLOSED: i32 = 3;
export const TRUNCATED: i32 = 4;
export const REJECTED: i32 = 5;

export function outcomeName(outcome: i32): string {
  if (outcome === OK) return "ok";
  if (outcome === CLIENT_ERROR) return "client_error";
  if (outcome === PROVIDER_ERROR) return "provider_error";
  if (outcome === CLIENT_CLOSED) return "client_closed";
  if (outcome === TRUNCATED) return "truncated";
  return "rejected";
}

/** How an operation that is over came out; `clientLeft`: before it had its whole answer. */
export function outcomeOf(operation: Operation, clientLeft: boolean): i32 {
  const attempt = operation.last();
  if (attempt == null && operation.problem != null) return REJECTED;
  if (attempt == null) return clientLeft ? CLIENT_CLOSED : PROVIDER_ERROR;
  if (attempt.truncated) return TRUNCATED;
  if (attempt.complete && attempt.failed) {
    const problem = attempt.problem;
    if (clientLeft && attempt.status === 0) return CLIENT_CLOSED;
    return problem != null && problem.status < 500 && !problem.retryable ? CLIENT_ERROR : PROVIDER_ERROR;
  }
  if (attempt.complete) return OK;
  return clientLeft ? CLIENT_CLOSED : TRUNCATED;
}

/** Fills in by estimate what no provider told, of an answer that the client has had a part of. */
export function estimateUsage(attempt: Attempt, outcome: i32): void {
  const usage = attempt.exchange.usage;
  const cut = outcome === CLIENT_CLOSED || outcome === TRUNCATED;
  if (attempt.failed || (usage.source !== USAGE_NONE && !cut)) return;
  if (outcome !== OK && !cut) return;
  // A provider that has not answered has produced nothing that we know of, but it has read the prompt.
  if (usage.prompt === 0) usage.prompt = estimatePrompt(attempt.exchange.call.json);
  const produced = estimateTokens(attempt.exchange.producedBytes);
  if (produced > usage.completion) usage.completion = produced;
  usage.source = USAGE_ESTIMATE;
}

/** As much of a model's name as a record holds. */
export function shortModelName(name: string): string {
  return shorten(name, LONGEST_NAME);
}

/** Writes the usage record of an operation that is over, as the gateway protocol has it. */
export function writeRecord(operation: Operation, outcome: i32, sequence: f64, now: f64, out: ByteWriter): void {
  const w = new JsonWriter(out).object();
  const key = operation.key;
  const call = operation.call;
  const last = operation.last();
  const usage: Usage = last == null ? new Usage() : last.exchange.usage;
  const attempted = last != null && !last.failed;

  w.key("sequence").whole(sequence).key("operation_id").string(operation.id);
  w.key("created_at_ms").whole(operation.startedAt);
  w.key("key")
    .string(key == null ? "" : key.id)
    .key("project")
    .string(key == null ? "" : key.project);
  w.key("user").stringOrNull(key == null ? "" : key.user);
  w.key("endpoint")
    .string(endpointPath(operation.endpoint))
    .key("stream")
    .bool(call != null && call.stream);
  w.key("requested_model").stringOrNull(call == null ? "" : shortModelName(call.model));
  w.key("served_model").stringOrNull(last == null || !attempted ? "" : last.exchange.model);
  w.key("provider").stringOrNull(last == null || !attempted ? "" : last.exchange.provider.name);
  w.key("outcome").string(outcomeName(outcome));
  writeUsage(w.key("usage"), usage);
  w.key("raw_usage");
  if (usage.raw.length === 0 || usage.raw.length > LONGEST_USAGE) w.nil();
  else w.copy(usage.raw, 0, usage.raw.length);
  w.key("usage_source").string(usageSourceName(usage.source));
  w.key("tokenizer").stringOrNull(usage.source === USAGE_ESTIMATE ? ESTIMATOR : "");
  w.key("attempts").array();
  for (let i: i32 = 0; i < operation.attempts.length; i++) writeAttempt(w, operation.attempts[i]!, now);
  w.end();
  w.key("ttft_ms");
  if (last == null || last.decidedAt === 0 || last.failed) w.nil();
  else w.whole(last.decidedAt - operation.startedAt);
  w.key("latency_ms")
    .whole(now - operation.startedAt)
    .end();
}

function writeUsage(w: JsonWriter, usage: Usage): void {
  w.object().key("prompt_tokens").int(usage.prompt).key("cached_tokens").int(usage.cached);
  w.key("cache_write_tokens").int(usage.cacheWrite).key("completion_tokens").int(usage.completion);
  w.key("reasoning_tokens").int(usage.reasoning).key("images").int(usage.images).end();
}

function writeAttempt(w: JsonWriter, attempt: Attempt, now: f64): void {
  w.object().key("provider").string(attempt.exchange.provider.name).key("model").string(attempt.exchange.model);
  w.key("status");
  if (attempt.status === 0) w.nil();
  else w.int(attempt.status);
  w.key("error").stringOrNull(attempt.error);
  w.key("latency_ms")
    .whole((attempt.endedAt === 0 ? now : attempt.endedAt) - attempt.startedAt)
    .end();
}
