/** What DashScope's own protocol says when it refuses, and what its edge adds to every answer. */
import { type JsonObject, Refused } from "./answer.ts";

export const HEADERS = { "x-dashscope-call-gateway": "true", server: "istio-envoy" };

/** The code that stands for a status. */
const CODES: Record<number, string> = {
  400: "InvalidParameter",
  401: "InvalidApiKey",
  403: "AccessDenied",
  404: "ModelNotFound",
  429: "Throttling.RateQuota",
  500: "InternalError",
  503: "ModelUnavailable",
};

export function codeOf(status: number): string {
  return CODES[status] ?? "InternalError";
}

export function nativeRefusal(status: number, code: string, message: string): Refused {
  return new Refused(status, "", message, null, code);
}

export function invalid(message: string): Refused {
  return nativeRefusal(400, "InvalidParameter", message);
}

export function errorBody(code: string, message: string): JsonObject {
  return { code, message, request_id: "req-fake" };
}
