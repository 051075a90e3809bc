/** How Google names what is wrong. */
import { Refused } from "./answer.ts";

export const STATUS: Record<number, string> = {
  400: "INVALID_ARGUMENT",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

export function invalidArgument(message: string, reason: string | null = null): Refused {
  return new Refused(400, "INVALID_ARGUMENT", message, null, reason);
}

/** What a validator says of one field of the request. */
export function badField(field: string, what: string): Refused {
  return invalidArgument(`* GenerateContentRequest.${field}: ${what}\n`);
}
