import { ARRAY, Json, STRING } from "../../json.ts";
import { firstOf, memberOf } from "../../json-path.ts";
import { modelNotFound, Problem, providerError } from "../../problem.ts";
import { isRetryable, retrySeconds } from "../../provider-status.ts";

/** How long a credential rests that the provider refused, in milliseconds. */
const REFUSED_REST: i32 = 60000;
/** How long one rests that met a rate limit without being told for how long, and one that used up its day. */
const LIMITED_REST: i32 = 5000;
const DAILY_REST: i32 = 3600000;
const DAILY_REST_SECONDS: i32 = 3600;
const LONGEST_MESSAGE: i32 = 2000;

/**
 * An answer of status 400 and above, in the client's terms. What is the fault of the gateway's own account (a bad key is a
 * 400 here) becomes 502 and is not the client's concern.
 * @see https://ai.google.dev/gemini-api/docs/troubleshooting
 */
export function readFailure(status: i32, body: Uint8Array, retryAfter: string, model: string): Problem {
  const root = Json.parse(body);
  return problemOf(status, findError(root), retryAfter, model);
}

/** An error that came with status 200. */
export function readStreamError(error: Json, model: string): Problem {
  return problemOf(statusOf(error), error, "", model);
}

/** The error in an answer `{"error":…}` or, as some servers wrap it, `[{"error":…}]`; null when there is none. */
export function findError(root: Json | null): Json | null {
  if (root != null && root.kind === ARRAY) return memberOf(root.first(), "error");
  return memberOf(root, "error");
}

/** The status that the error itself tells. */
function statusOf(error: Json): i32 {
  const code = error.count32("code", 0);
  if (code >= 400 && code <= 599) return code;
  const name = error.string("status", "");
  if (name === "INVALID_ARGUMENT" || name === "FAILED_PRECONDITION" || name === "OUT_OF_RANGE") return 400;
  if (name === "UNAUTHENTICATED") return 401;
  if (name === "PERMISSION_DENIED") return 403;
  if (name === "NOT_FOUND") return 404;
  if (name === "RESOURCE_EXHAUSTED") return 429;
  if (name === "UNAVAILABLE") return 503;
  return name === "DEADLINE_EXCEEDED" ? 504 : 500;
}

function problemOf(status: i32, error: Json | null, retryAfter: string, model: string): Problem {
  const name = error == null ? "" : error.string("status", "");
  const message = messageOf(error);
  if (status === 401 || status === 402 || status === 403 || isOwnFault(status, error, name, message)) {
    // The text may hold a part of the gateway's key: no word of it reaches the client.
    const refused = providerError("The provider refused the gateway's request.");
    refused.restMs = REFUSED_REST;
    return refused;
  }
  if (status === 404 && name.length > 0) return modelNotFound(model);
  // CANCELLED: not by the client, who would not read this.
  const shown: i32 = status === 499 || status === 529 ? 503 : status;
  const problem = new Problem(shown, typeOf(shown), codeOf(shown, name, message), "", shownMessage(message, shown));
  problem.retryable = isRetryable(shown);
  problem.retryAfter = retrySeconds(retryAfter);
  if (problem.retryAfter === 0) problem.retryAfter = retryDelay(error);
  if (shown === 429) {
    problem.restMs = problem.retryAfter > 0 ? problem.retryAfter * 1000 : LIMITED_REST;
    if (isDaily(error) && problem.restMs < DAILY_REST) {
      // The delay that comes with it is that of the quota of a minute: a client that obeyed it would only ask in vain.
      problem.restMs = DAILY_REST;
      problem.retryAfter = DAILY_REST_SECONDS;
    }
  }
  return problem;
}

function messageOf(error: Json | null): string {
  if (error == null) return "";
  return error.kind === STRING ? error.text() : error.string("message", "");
}

/** A bad key, a region that is not served and billing that is not set up are answered 400, as if the request were wrong. */
function isOwnFault(status: i32, error: Json | null, name: string, message: string): boolean {
  if (status !== 400) return false;
  if (name === "FAILED_PRECONDITION" || message.includes("API key")) return true;
  let detail = detailsOf(error);
  while (detail != null) {
    if (detail.string("reason", "").startsWith("API_KEY_")) return true;
    detail = detail.next;
  }
  return false;
}

function detailsOf(error: Json | null): Json | null {
  return firstOf(memberOf(error, "details"));
}

/** The seconds of `google.rpc.RetryInfo`, which the API sends in the place of a `retry-after` header: `34s`, `34.07s`. */
function retryDelay(error: Json | null): i32 {
  let detail = detailsOf(error);
  while (detail != null) {
    const delay = detail.string("retryDelay", "");
    if (delay.endsWith("s")) return retrySeconds(delay.substring(0, delay.length - 1));
    detail = detail.next;
  }
  return 0;
}

/** Whether a quota of a day is used up (`google.rpc.QuotaFailure`): waiting as long as `retryDelay` says would not help. */
function isDaily(error: Json | null): boolean {
  let detail = detailsOf(error);
  while (detail != null) {
    let violation = firstOf(detail.value("violations"));
    while (violation != null) {
      if (violation.string("quotaId", "").includes("PerDay")) return true;
      violation = violation.next;
    }
    detail = detail.next;
  }
  return false;
}

function typeOf(status: i32): string {
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** OpenAI's code where there is one, else the name of Google's. */
function codeOf(status: i32, name: string, message: string): string {
  if (status === 400 && message.includes("token count") && message.includes("exceeds"))
    return "context_length_exceeded";
  return status === 429 ? "rate_limit_exceeded" : name;
}

function shownMessage(message: string, status: i32): string {
  // A key in a message is never the client's: clients hold keys of the gateway.
  if (message.length === 0 || message.includes("AIza")) {
    return "The provider answered with status " + status.toString() + ".";
  }
  return message.length > LONGEST_MESSAGE ? message.substring(0, LONGEST_MESSAGE) : message;
}
