import { ClientRequest } from "../../exchange.ts";
import { Json, NUMBER, OBJECT, STRING } from "../../json.ts";
import { modelNotFound, Problem, providerError } from "../../problem.ts";
import { isRetryable, retrySeconds } from "../../provider-status.ts";
import { secondsToReset } from "./reset-time.ts";

const SECOND: i32 = 1000;
const MINUTE: i32 = 60000;
const HOUR: i32 = 3600000;
const LONGEST_MESSAGE: i32 = 2000;

/** What one of the API's business codes means. */
class BusinessCode {
  readonly code: i32;
  /** The status for the client; 401 and 403 are the gateway's own account's and become 502. */
  readonly status: i32;
  /** OpenAI's code, or empty. */
  readonly name: string;
  /** How long the credential should rest, in milliseconds. */
  readonly restMs: i32;

  constructor(code: i32, status: i32, name: string, restMs: i32) {
    this.code = code;
    this.status = status;
    this.name = name;
    this.restMs = restMs;
  }
}

/** @see https://docs.bigmodel.cn/cn/faq/api-code (2026-11) */
const CODES: Array<BusinessCode> = [
  new BusinessCode(500, 500, "", 0),
  new BusinessCode(1000, 401, "", MINUTE),
  new BusinessCode(1001, 401, "", MINUTE),
  new BusinessCode(1002, 401, "", MINUTE),
  new BusinessCode(1003, 401, "", MINUTE),
  new BusinessCode(1004, 401, "", MINUTE),
  new BusinessCode(1005, 401, "", MINUTE),
  new BusinessCode(1100, 401, "", MINUTE),
  new BusinessCode(1110, 401, "", MINUTE),
  new BusinessCode(1111, 401, "", MINUTE),
  // Locked; 1113 in arrears (sent as 429, though no waiting helps); 1121 locked for a violation.
  new BusinessCode(1112, 401, "", 10 * MINUTE),
  new BusinessCode(1113, 401, "", 10 * MINUTE),
  new BusinessCode(1121, 401, "", 10 * MINUTE),
  new BusinessCode(1120, 503, "", 0),
  new BusinessCode(1200, 500, "", 0),
  new BusinessCode(1210, 400, "", 0),
  new BusinessCode(1211, 404, "model_not_found", 0),
  new BusinessCode(1212, 400, "", 0),
  new BusinessCode(1213, 400, "", 0),
  new BusinessCode(1214, 400, "", 0),
  new BusinessCode(1215, 400, "", 0),
  // No right to the interface; 1221 and 1222: it is gone, or never was, under the configured URL.
  new BusinessCode(1220, 403, "", MINUTE),
  new BusinessCode(1221, 502, "provider_error", 0),
  new BusinessCode(1222, 502, "provider_error", 0),
  new BusinessCode(1230, 500, "", 0),
  new BusinessCode(1231, 409, "", 0),
  new BusinessCode(1234, 500, "", 0),
  new BusinessCode(1261, 400, "context_length_exceeded", 0),
  new BusinessCode(1300, 400, "content_filter", 0),
  new BusinessCode(1301, 400, "content_filter", 0),
  // Too many at once, too many in a time, too many today.
  new BusinessCode(1302, 429, "rate_limit_exceeded", 5 * SECOND),
  new BusinessCode(1303, 429, "rate_limit_exceeded", 5 * SECOND),
  new BusinessCode(1304, 429, "rate_limit_exceeded", HOUR),
  // The model is overloaded for everybody.
  new BusinessCode(1305, 429, "rate_limit_exceeded", SECOND),
  new BusinessCode(1312, 429, "rate_limit_exceeded", SECOND),
  // The plan's window is used up; the plan has ended; the plan has not this model; the account is slowed down.
  new BusinessCode(1308, 429, "rate_limit_exceeded", 10 * MINUTE),
  new BusinessCode(1310, 429, "rate_limit_exceeded", HOUR),
  new BusinessCode(1309, 403, "", 10 * MINUTE),
  new BusinessCode(1311, 403, "", MINUTE),
  new BusinessCode(1313, 429, "rate_limit_exceeded", 10 * MINUTE),
];

function businessCode(code: i32): BusinessCode | null {
  for (let i: i32 = 0; i < CODES.length; i++) {
    if (CODES[i]!.code === code) return CODES[i]!;
  }
  return null;
}

/** The object that tells of an error, or null: `{"error":{…}}`, or flat as `{"code":…,"msg":…,"success":false}`. */
export function errorOf(root: Json): Json | null {
  const error = root.value("error");
  if (error != null) return error;
  const flat = root.value("code") != null && (root.value("msg") != null || root.value("message") != null);
  return flat && root.value("choices") == null && root.value("data") == null ? root : null;
}

/** What an answer of status 400 and above says, in the client's terms. */
export function readFailure(status: i32, body: Uint8Array, call: ClientRequest, retryAfter: string): Problem {
  const root = Json.parse(body);
  return readError(status, root == null ? null : errorOf(root), call, retryAfter);
}

/**
 * What an error says, in the client's terms: the business code decides, else the status (200 for one inside an answer
 * that began well). `call` is the client's, `retryAfter` that header's value or empty.
 */
export function readError(status: i32, error: Json | null, call: ClientRequest, retryAfter: string): Problem {
  const code = codeOf(error);
  const known = businessCode(code);
  let shown: i32 = status < 400 ? 502 : status;
  if (known != null) shown = known.status;
  // 434: the account has no right to the interface.
  if (shown === 401 || shown === 402 || shown === 403 || shown === 434) {
    // The gateway's own account is at fault, and the text may hold a part of its key: no word of it reaches the client.
    const refused = providerError("The provider refused the gateway's request.");
    refused.restMs = known == null ? MINUTE : known.restMs;
    return refused;
  }
  if (code === 1211) return modelNotFound(call.model);
  if (shown === 529) shown = 503;
  const name: string = known == null ? (shown === 429 ? "rate_limit_exceeded" : "") : known.name;
  const problem = new Problem(shown, typeOf(shown), name, "", messageOf(error, shown));
  problem.retryable = isRetryable(shown);
  problem.retryAfter = retrySeconds(retryAfter);
  if (shown === 429) {
    if (problem.retryAfter === 0) problem.retryAfter = secondsToReset(problem.message, call.created);
    problem.restMs = known == null ? 5 * SECOND : known.restMs;
    if (problem.retryAfter > 0) problem.restMs = problem.retryAfter * SECOND;
  }
  return problem;
}

/** The code, a string of digits or a number; 0 when there is none. */
function codeOf(error: Json | null): i32 {
  if (error == null || error.kind !== OBJECT) return 0;
  const member = error.value("code");
  if (member == null) return 0;
  if (member.kind === NUMBER) return member.int(0);
  if (member.kind !== STRING || member.end - member.start > 6) return 0;
  let code: i32 = 0;
  for (let at = member.start; at < member.end; at++) {
    const c = member.source[at] as i32;
    if (c < 48 || c > 57) return 0;
    code = code * 10 + (c - 48);
  }
  return code;
}

function typeOf(status: i32): string {
  if (status === 502) return "provider_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

function messageOf(error: Json | null, status: i32): string {
  let message = "";
  if (error != null) {
    message = error.kind === STRING ? error.text() : error.string("message", error.string("msg", ""));
  }
  if (message.length === 0) return "The provider answered with status " + status.toString() + ".";
  return message.length > LONGEST_MESSAGE ? message.substring(0, LONGEST_MESSAGE) : message;
}
