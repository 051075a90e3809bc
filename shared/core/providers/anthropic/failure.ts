import { Json, OBJECT } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { modelNotFound, Problem, providerError } from "../../problem.ts";
import { isRetryable, retrySeconds } from "../../provider-status.ts";

/** How long a credential rests that the provider refused, in milliseconds. */
const REFUSED_REST: i32 = 60000;
/** How long one rests that met a rate limit without being told for how long. */
const LIMITED_REST: i32 = 5000;
const LONGEST_MESSAGE: i32 = 2000;

/**
 * An answer of status 400 and above, in the client's terms. The status stays, but for 529, and for what is the fault of
 * the gateway's own account: that is 502 and not the client's concern.
 * @see https://platform.claude.com/docs/en/api/errors
 */
export function readFailure(status: i32, body: Uint8Array, retryAfter: string, model: string): Problem {
  const root = Json.parse(body);
  return problemOf(status, memberOf(root, "error"), retryAfter, model);
}

/** An error that came with status 200: in a stream's `error` event, or as a whole answer. `root` holds `error`. */
export function readStreamError(root: Json, model: string): Problem {
  const error = root.value("error");
  return problemOf(error == null ? 500 : statusOf(error), error, "", model);
}

/** The status that goes with an error's type when it is not sent as such. */
function statusOf(error: Json): i32 {
  const type = error.string("type", "");
  if (type === "invalid_request_error") return 400;
  if (type === "authentication_error") return 401;
  if (type === "billing_error") return 402;
  if (type === "permission_error") return 403;
  if (type === "not_found_error") return 404;
  if (type === "conflict_error") return 409;
  if (type === "request_too_large") return 413;
  if (type === "rate_limit_error") return 429;
  if (type === "timeout_error") return 504;
  if (type === "overloaded_error") return 529;
  return 500;
}

function problemOf(status: i32, error: Json | null, retryAfter: string, model: string): Problem {
  const told = error != null && error.kind === OBJECT ? error : null;
  const message = told == null ? "" : told.string("message", "");
  if (status === 401 || status === 402 || status === 403 || isOutOfMoney(status, message)) {
    // The text may hold a part of the gateway's key: no word of it reaches the client.
    const refused = providerError("The provider refused the gateway's request.");
    refused.restMs = REFUSED_REST;
    return refused;
  }
  if (status === 404 && told != null) return modelNotFound(model);
  const shown: i32 = status === 529 ? 503 : status;
  const problem = new Problem(
    shown,
    typeOf(told, shown),
    codeOf(told, shown, message),
    "",
    shownMessage(message, shown),
  );
  problem.retryable = isRetryable(shown);
  problem.retryAfter = retrySeconds(retryAfter);
  if (shown === 429) problem.restMs = problem.retryAfter > 0 ? problem.retryAfter * 1000 : LIMITED_REST;
  return problem;
}

/** Arrears and a spend limit that the account's owner set are answered 400, as if the request were wrong. */
function isOutOfMoney(status: i32, message: string): boolean {
  if (status !== 400) return false;
  return message.includes("credit balance") || message.includes("usage limits") || message.includes("spend limit");
}

function typeOf(error: Json | null, status: i32): string {
  const type = error == null ? "" : error.string("type", "");
  if (type.length > 0) return type;
  return status >= 500 ? "server_error" : "invalid_request_error";
}

function codeOf(error: Json | null, status: i32, message: string): string {
  if (status === 400 && (message.includes("prompt is too long") || message.includes("exceed context limit"))) {
    return "context_length_exceeded";
  }
  const details = memberOf(error, "details");
  const told = details == null ? "" : details.string("error_code", "");
  if (told.length > 0) return told;
  if (status === 429) return "rate_limit_exceeded";
  if (status === 413) return "request_too_large";
  return "";
}

function shownMessage(message: string, status: i32): string {
  // A key in a message is never the client's: clients hold keys of the gateway.
  if (message.length === 0 || message.includes("sk-ant-")) {
    return "The provider answered with status " + status.toString() + ".";
  }
  return message.length > LONGEST_MESSAGE ? message.substring(0, LONGEST_MESSAGE) : message;
}
