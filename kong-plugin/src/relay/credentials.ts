import type { IncomingHttpHeaders } from "node:http";

const BEARER = /^bearer +/i;

/** The client's key: a bearer token, or what stands in `x-api-key` or `api-key`; empty when there is none. */
export function keyOf(headers: IncomingHttpHeaders): string {
  const { authorization = "" } = headers;
  if (BEARER.test(authorization)) return authorization.replace(BEARER, "");
  return single(headers["x-api-key"]) || single(headers["api-key"]);
}

/** A header that may be sent once only. */
export function single(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? "";
}
