import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyRequest, onRequestAsyncHookHandler } from "fastify";
import { Problem } from "../problem.ts";

/** Compares in a time that says nothing of either text: the digests have one length. */
export function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/** A Fastify hook that lets only requests with `Authorization: Bearer TOKEN` through; others get 401. */
export function requireBearer(token: string): onRequestAsyncHookHandler {
  return async function checkBearer(request: FastifyRequest) {
    const match = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "");
    if (!match?.[1] || !sameSecret(match[1], token)) {
      throw new Problem(401, "a valid bearer token is needed", { headers: { "www-authenticate": "Bearer" } });
    }
  };
}
