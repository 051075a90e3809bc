import { Json, OBJECT, STRING } from "../../json.ts";
import { invalidRequest, modelNotFound, Problem, providerError } from "../../problem.ts";
import { isRetryable, retrySeconds } from "../../provider-status.ts";
import { SseReader } from "../../sse.ts";

/** How long a credential rests that the provider refused, in milliseconds. */
const REFUSED_REST: i32 = 60000;
/** How long one rests that met a rate limit without being told for how long. */
const LIMITED_REST: i32 = 5000;
const LONGEST_MESSAGE: i32 = 2000;
const LONGEST_CODE: i32 = 64;

/**
 * An answer of status 400 and above, in the client's terms: `{"code","message"}` of DashScope's own, or `{"error":{…}}`
 * of its compatible mode; to a call for a stream it may come as an event.
 * @see https://help.aliyun.com/en/model-studio/error-code
 */
export function readFailure(status: i32, body: Uint8Array, retryAfter: string, model: string): Problem {
  let root = Json.parse(body);
  if (root == null) root = firstEvent(body);
  return problemOf(status, root, retryAfter, model);
}

/** An error inside an answer of status 200; `status` is what a stream's comment said, 0 when nothing did. */
export function readStreamError(status: i32, root: Json, model: string): Problem {
  return problemOf(status < 400 || status > 599 ? 0 : status, root, "", model);
}

/** Whether the answer tells of an error: an answer's code is empty if there is any. */
export function isError(root: Json): boolean {
  if (root.value("error") != null) return true;
  if (root.value("output") != null) return false;
  const code = root.value("code");
  return code != null && !code.isEmpty();
}

function firstEvent(body: Uint8Array): Json | null {
  const reader = new SseReader();
  reader.push(body, body.length, true);
  while (reader.next()) {
    if (reader.hasData) return Json.parseSpan(reader.data, reader.dataStart, reader.dataEnd);
  }
  return null;
}

function problemOf(told: i32, root: Json | null, retryAfter: string, model: string): Problem {
  let error = root;
  if (root != null && root.kind === OBJECT) {
    const inner = root.value("error");
    if (inner != null) error = inner;
  }
  const object = error != null && error.kind === OBJECT ? error : null;
  const code = object == null ? "" : folded(object.string("code", ""));
  const message = messageOf(error);
  const status: i32 = told === 0 ? statusOf(code) : told;
  if (isOwnFault(status, code, message)) {
    // The text may hold a part of the gateway's key: no word of it reaches the client.
    const refused = providerError("The provider refused the gateway's request.");
    refused.restMs = REFUSED_REST;
    return refused;
  }
  if (isThrottled(status, code)) return throttled(message, retryAfter);
  if (code === "modelnotfound" || message.startsWith("Model not exist") || (status === 404 && object != null)) {
    return modelNotFound(model);
  }
  // The gateway asked the wrong one of the two services.
  if (message.includes("url error")) return providerError("The provider does not serve this model in this way.");
  if (isTooLong(message)) return invalidRequest(shown(message, 400), "messages", "context_length_exceeded");
  if (code.startsWith("datainspection")) return invalidRequest(shown(message, 400), "", "content_filter");
  const final: i32 = status === 529 ? 503 : status;
  const type = final >= 500 ? "server_error" : "invalid_request_error";
  const param = object == null ? "" : object.string("param", "");
  const problem = new Problem(final, type, "", param, shown(message, final));
  problem.retryable = isRetryable(final);
  problem.retryAfter = retrySeconds(retryAfter);
  return problem;
}

function throttled(message: string, retryAfter: string): Problem {
  const problem = new Problem(429, "rate_limit_error", "rate_limit_exceeded", "", shown(message, 429));
  problem.retryable = true;
  problem.retryAfter = retrySeconds(retryAfter);
  problem.restMs = problem.retryAfter > 0 ? problem.retryAfter * 1000 : LIMITED_REST;
  return problem;
}

function messageOf(error: Json | null): string {
  if (error == null) return "";
  return error.kind === STRING ? error.text() : error.string("message", "");
}

/** The code in lower case without its underlines: the compatible mode spells them otherwise. */
function folded(code: string): string {
  const units = new Array<string>();
  for (let i: i32 = 0; i < code.length && i < LONGEST_CODE; i++) {
    const c = code.charCodeAt(i);
    if (c !== 0x5f) units.push(String.fromCharCode(c >= 65 && c <= 90 ? c + 32 : c));
  }
  return units.join("");
}

/** The status that goes with a code when none is sent. */
function statusOf(code: string): i32 {
  if (code.startsWith("invalidapikey")) return 401;
  if (code.startsWith("accessdenied")) return 403;
  if (code.endsWith("notfound")) return 404;
  if (code.startsWith("requesttimeout")) return 408;
  if (code.startsWith("modelserving") || code.startsWith("modelunavailable")) return 503;
  if (code.startsWith("datainspection") || code.startsWith("badrequest")) return 400;
  // Of the engine's own: "InternalError.Algo.InvalidParameter" is the request's fault all the same.
  if (code.includes("invalidparameter") || code === "invalidurl" || code === "unsupportedoperation") return 400;
  return 500;
}

/** Arrears come as 400 or 429 too, and a free quota's end as a limit. */
function isOwnFault(status: i32, code: string, message: string): boolean {
  if (status === 401 || status === 402 || status === 403) return true;
  if (code.includes("arrear") || code.includes("overdue") || code.includes("purchased")) return true;
  if (code.includes("invalidapikey") || code.includes("accessdenied") || code.includes("freetier")) return true;
  if (code === "workspacenotfound") return true;
  return (
    message.includes("in good standing") || message.includes("ree allocated quota") || message.includes("ree tier")
  );
}

/** `insufficient_quota` is OpenAI's word for an empty purse; here it is that of the limit on tokens a minute. */
function isThrottled(status: i32, code: string): boolean {
  if (status === 429 || code === "insufficientquota") return true;
  return code.startsWith("throttling") || code.startsWith("limit");
}

function isTooLong(message: string): boolean {
  return (
    message.includes("Range of input length should be") ||
    message.includes("maximum context length") ||
    message.includes("nput length exceeds")
  );
}

function shown(message: string, status: i32): string {
  if (message.length === 0) return "The provider answered with status " + status.toString() + ".";
  return message.length > LONGEST_MESSAGE ? message.substring(0, LONGEST_MESSAGE) : message;
}
