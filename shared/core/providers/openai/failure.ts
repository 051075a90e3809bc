import { ARRAY, Json, NUMBER, OBJECT, STRING } from "../../json.ts";
import { modelNotFound, Problem, providerError } from "../../problem.ts";
import { isRetryable, retrySeconds } from "../../provider-status.ts";
import { detailMessage, detailParam } from "./detail.ts";

/** How long a credential rests that the provider refused, in milliseconds. */
const REFUSED_REST: i32 = 60000;
/** The most of a provider's message that a client is shown. */
const LONGEST_MESSAGE: i32 = 2000;

/**
 * An answer of status 400 and above, in the client's terms. Understands OpenAI's shape and what the family makes of it:
 * `{"error":{…}}`, also in an array, `{"error":"…"}`, a flat `{"message":…}`, `{"detail":…}`, a bare string, and bodies that
 * are no JSON at all. `model` is the name that the client knows.
 * @see https://platform.openai.com/docs/guides/error-codes
 */
export function readFailure(status: i32, body: Uint8Array, retryAfter: string, model: string): Problem {
  const error = errorOf(Json.parse(body));
  if (isOwnFault(status, error)) return refused();
  const problem = problemOf(shownStatus(status, error), error, model);
  problem.retryAfter = retrySeconds(retryAfter);
  return problem;
}

/** An error inside an answer of status 200: its `code` may be a status; otherwise it counts as the provider's failure. */
export function readStreamError(root: Json, model: string): Problem {
  const error = errorOf(root);
  const status = toldStatus(error);
  if (isOwnFault(status, error)) return refused();
  return problemOf(shownStatus(status, error), error, model);
}

/** What tells of the error: an object, a string, or null. */
function errorOf(root: Json | null): Json | null {
  let told = root;
  // Google's compatible endpoint puts it into an array.
  if (told != null && told.kind === ARRAY) told = told.first();
  if (told == null) return null;
  if (told.kind !== OBJECT) return told.kind === STRING ? told : null;
  const inner = told.value("error");
  return inner == null ? told : inner;
}

/**
 * The gateway's own account is at fault: its key, its rights, its money. The text may hold a part of the key, so no word of
 * it reaches the client.
 */
function isOwnFault(status: i32, error: Json | null): boolean {
  if (status === 401 || status === 402 || status === 403) return true;
  const code = textOf(error, "code");
  return (
    code === "insufficient_quota" ||
    code === "billing_hard_limit_reached" ||
    code === "billing_not_active" ||
    textOf(error, "type") === "insufficient_quota"
  );
}

function refused(): Problem {
  const problem = providerError("The provider refused the gateway's request.");
  problem.restMs = REFUSED_REST;
  return problem;
}

/** The status that an error without one stands for. */
function toldStatus(error: Json | null): i32 {
  let code = textOf(error, "code");
  if (code.length === 0) code = textOf(error, "status");
  if (code.length === 3 && isNumber(code)) {
    const status = code.charCodeAt(0) * 100 + code.charCodeAt(1) * 10 + code.charCodeAt(2) - 5328;
    if (status >= 400 && status <= 599) return status;
  }
  const type = textOf(error, "type");
  if (code === "rate_limit_exceeded" || type === "rate_limit_error") return 429;
  if (code === "content_filter" || code === "context_length_exceeded" || type === "invalid_request_error") return 400;
  return 502;
}

/** The status for the client: 529 is none that it knows, and some builds of llama.cpp call a long prompt a 500. */
function shownStatus(status: i32, error: Json | null): i32 {
  if (status === 529) return 503;
  return status >= 500 && isTooLong(status, error) ? 400 : status;
}

function problemOf(status: i32, error: Json | null, model: string): Problem {
  // The text would tell the client of a name that is not its own.
  if (status === 404 && isModelMissing(error)) return modelNotFound(model);
  const problem = new Problem(
    status,
    typeOf(error, status),
    codeOf(status, error),
    paramOf(error),
    messageOf(error, status),
  );
  problem.retryable = isRetryable(status);
  return problem;
}

/** Whether the provider does not have the target's model (or Azure's deployment), rather than the endpoint or a file. */
function isModelMissing(error: Json | null): boolean {
  const code = textOf(error, "code");
  if (code === "model_not_found" || code === "DeploymentNotFound") return true;
  if (textOf(error, "param") === "model") return true;
  const message = textOf(error, "message");
  return message.startsWith("The model") && message.includes("does not exist");
}

/** OpenAI's code; numbers, which are statuses, are none. Clients tell a rate limit by its code. */
function codeOf(status: i32, error: Json | null): string {
  if (isTooLong(status, error)) return "context_length_exceeded";
  const code = textOf(error, "code");
  if (code.length > 0 && !isNumber(code)) return code;
  return status === 429 ? "rate_limit_exceeded" : "";
}

/** Whether the prompt exceeds the context: llama.cpp tells by a type of its own, vLLM and older builds by their words alone. */
function isTooLong(status: i32, error: Json | null): boolean {
  if (status === 429) return false;
  if (textOf(error, "type") === "exceed_context_size_error") return true;
  const message = textOf(error, "message");
  return (
    message.includes("maximum context length") ||
    message.includes("maximum model length") ||
    message.includes("available context size") ||
    message.includes("exceeds the context window")
  );
}

function messageOf(error: Json | null, status: i32): string {
  let message = "";
  if (error != null) {
    if (error.kind === STRING) message = error.text();
    else {
      message = textOf(error, "message");
      if (message.length === 0) message = detailMessage(error);
    }
  }
  if (message.length === 0) return "The provider answered with status " + status.toString() + ".";
  return message.length > LONGEST_MESSAGE ? message.substring(0, LONGEST_MESSAGE) : message;
}

function paramOf(error: Json | null): string {
  const param = textOf(error, "param");
  return param.length > 0 || error == null ? param : detailParam(error);
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

function isNumber(text: string): boolean {
  for (let i: i32 = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return false;
  }
  return text.length > 0;
}
