import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from "node:http";
import {
  type Attempt,
  ByteWriter,
  type Operation,
  Problem,
  providerError,
  rateHeaders,
  USAGE_PROVIDER,
  type Usage,
  unavailable,
} from "@oneapi/core";

/** What of a provider's headers a client may see. All else tells of the provider's account, or of a connection that is not the client's. */
const PASSED = ["date", "openai-processing-ms", "openai-version"];
const PASSED_WHOLE = [...PASSED, "cache-control"];
const PASSED_UNTOUCHED = [...PASSED_WHOLE, "content-type"];

/** Answers with an error in OpenAI's shape. */
export function sendProblem(response: ServerResponse, problem: Problem, headers: OutgoingHttpHeaders): void {
  const out = new ByteWriter(256);
  problem.write(out);
  if (problem.retryAfter > 0) headers["retry-after"] = `${problem.retryAfter}`;
  sendJson(response, problem.status, out.take(), headers);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: Uint8Array,
  headers: OutgoingHttpHeaders,
): void {
  response.writeHead(status, { ...headers, "content-type": "application/json", "content-length": body.length });
  response.end(body);
}

/** What every answer of an operation carries; `time` is the control service's. */
export function operationHeaders(operation: Operation, time: number): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { "x-request-id": operation.id };
  if (operation.reservation === null && operation.limited === null) return headers;
  const told = rateHeaders(operation, time);
  for (let i = 0; i + 1 < told.length; i += 2) headers[told[i] as string] = told[i + 1];
  return headers;
}

/** Adds what the provider's answer has that the client may see; `untouched`: its bytes go on as they came. */
export function addProviderHeaders(
  headers: OutgoingHttpHeaders,
  attempt: Attempt,
  given: IncomingHttpHeaders,
  untouched: boolean,
): void {
  const streams = attempt.answersStream();
  for (const name of streams ? PASSED : untouched ? PASSED_UNTOUCHED : PASSED_WHOLE) {
    const value = given[name];
    if (value !== undefined) headers[name] = value;
  }
  if (streams) {
    headers["content-type"] = "text/event-stream; charset=utf-8";
    // A stream must be held by no cache or proxy before the client.
    headers["cache-control"] = "no-cache";
    headers["x-accel-buffering"] = "no";
  } else if (!untouched) headers["content-type"] = "application/json";
  else headers["content-type"] ??= "application/json";
}

/**
 * Adds what the provider counted, if it did: Kong's log plugins show an answer's headers. Named as the model is there, and
 * as ai-proxy's log names the counts.
 *
 * @see https://developer.konghq.com/plugins/ai-proxy/#log-format
 */
export function addUsageHeaders(headers: OutgoingHttpHeaders, usage: Usage): void {
  if (usage.source !== USAGE_PROVIDER) return;
  headers["x-kong-llm-prompt-tokens"] = usage.prompt;
  headers["x-kong-llm-completion-tokens"] = usage.completion;
  headers["x-kong-llm-total-tokens"] = usage.prompt + usage.completion;
}

/** One error event of a stream. */
export function errorEvent(problem: Problem): Uint8Array {
  const out = new ByteWriter(256);
  problem.writeEvent(out);
  return out.take();
}

/** In OpenAI's words, why the operation came to nothing. */
export function explain(operation: Operation): Problem {
  const attempt = operation.last();
  if (operation.problem !== null) return operation.problem;
  if (attempt === null) {
    return unavailable("The model's providers have just changed; try again.", "no_target_available");
  }
  if (attempt.problem !== null) return attempt.problem;
  if (attempt.error === "timeout") {
    return new Problem(504, "provider_error", "provider_timeout", "", "No provider answered in time.");
  }
  return providerError("No provider could be reached.");
}
