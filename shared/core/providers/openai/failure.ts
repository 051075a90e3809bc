import { Json, NUMBER, OBJECT, STRING } from "../../json.ts";
import { Problem, providerError } from "../../problem.ts";
import { isRetryable, retrySeconds } from "../../provider-status.ts";

/** How long a credential rests that the provider refused, in milliseconds. */
const REFUSED_REST: i32 = 60000;
/** The most of a provider's message that a client is shown. */
const LONGEST_MESSAGE: i32 = 2000;

/**
 * An answer of status 400 and above, in the client's terms. Understands OpenAI's shape and what the family makes of it:
 * `{"error":{…}}`, `{"error":"…"}`, a flat `{"message":…}`, `{"detail":…}`, and bodies that are no JSON at all.
 * @see https://platform.openai.com/docs/guides/error-codes
 */
export function readFailure(status: i32, body: Uint8Array, retryAfter: string): Problem {
  const root = Json.parse(body);
  let error: Json | null = null;
  if (root != null && root.kind === OBJECT) {
    error = root.value("error");
    if (error == null) error = root;
  }
  const code = textOf(error, "code");
  if (status === 401 || status === 402 || status === 403 || code === "insufficient_quota") {
    // The gateway's own account is at fault, and the text may hold a part of its key: no word of it reaches the client.
    const refused = providerError("The provider refused the gateway's request.");
    refused.restMs = REFUSED_REST;
    return refused;
  }
  const shown = shownStatus(status, error);
  const problem = new Problem(
    shown,
    typeOf(error, shown),
    codeOf(error),
    textOf(error, "param"),
    messageOf(error, shown),
  );
  problem.retryable = isRetryable(shown);
  problem.retryAfter = retrySeconds(retryAfter);
  return problem;
}

/** An error inside an answer of status 200: its `code` may be a status; otherwise it counts as the provider's failure. */
export function readStreamError(root: Json): Problem {
  let error: Json | null = root.value("error");
  if (error == null) error = root;
  const code = textOf(error, "code");
  let status: i32 = 502;
  if (code === "rate_limit_exceeded" || textOf(error, "type") === "rate_limit_error") status = 429;
  else if (code.length === 3 && numeric(code))
    status = code.charCodeAt(0) * 100 + code.charCodeAt(1) * 10 + code.charCodeAt(2) - 5328;
  if (code === "insufficient_quota" || status === 401 || status === 402 || status === 403) {
    const refused = providerError("The provider refused the gateway's request.");
    refused.restMs = REFUSED_REST;
    return refused;
  }
  if (status < 400 || status > 599) status = 502;
  status = shownStatus(status, error);
  const problem = new Problem(
    status,
    typeOf(error, status),
    codeOf(error),
    textOf(error, "param"),
    messageOf(error, status),
  );
  problem.retryable = isRetryable(status);
  return problem;
}

/** The status for the client: 529 is none that it knows, and some builds of llama.cpp call a long prompt a 500. */
function shownStatus(status: i32, error: Json | null): i32 {
  if (status === 529) return 503;
  return status >= 500 && isTooLong(error) ? 400 : status;
}

/** OpenAI's code; numbers, which are statuses, are none. */
function codeOf(error: Json | null): string {
  if (isTooLong(error)) return "context_length_exceeded";
  const code = textOf(error, "code");
  return numeric(code) ? "" : code;
}

/** Whether the prompt exceeds the context: llama.cpp tells by a type of its own, vLLM by its words alone. */
function isTooLong(error: Json | null): boolean {
  return (
    textOf(error, "type") === "exceed_context_size_error" || textOf(error, "message").includes("maximum context length")
  );
}

function messageOf(error: Json | null, status: i32): string {
  let message = "";
  if (error != null) {
    if (error.kind === STRING) message = error.text();
    else {
      message = textOf(error, "message");
      if (message.length === 0) message = textOf(error, "detail");
    }
  }
  if (message.length === 0) return "The provider answered with status " + status.toString() + ".";
  return message.length > LONGEST_MESSAGE ? message.substring(0, LONGEST_MESSAGE) : message;
}

function typeOf(error: Json | null, status: i32): string {
  const type = textOf(error, "type");
  if (type.length > 0 && type !== "None") return type;
  if (status === 429) return "rate_limit_error";
  if (status === 404) return "not_found_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** The member as text; empty when it is absent, null or no text or number. */
function textOf(error: Json | null, key: string): string {
  if (error == null || error.kind !== OBJECT) return "";
  const member = error.get(key);
  if (member == null || (member.kind !== NUMBER && member.kind !== STRING)) return "";
  return member.text();
}

function numeric(text: string): boolean {
  for (let i: i32 = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return false;
  }
  return text.length > 0;
}
