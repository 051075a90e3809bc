/** What all resources of `/admin/v1` have in common: checked bodies, ETags and pages. */
import { type Mistake, mistakesOf } from "@oneapi/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { Problem } from "../problem.ts";

/** @throws {Problem} 400 with every mistake in the body. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body ?? undefined);
  if (parsed.success) return parsed.data;
  throw invalid("the body is not valid", mistakesOf(parsed.error.issues));
}

/** @throws {Problem} 400 with every mistake in the query. */
export function parseQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  throw invalid("the query is not valid", mistakesOf(parsed.error.issues));
}

export function invalid(detail: string, errors: readonly Mistake[]): Problem {
  return new Problem(400, detail, { errors });
}

export function setEtag(reply: FastifyReply, revision: bigint | string): void {
  reply.header("etag", `"${revision}"`);
}

/**
 * Holds a change to the revision that its sender has seen.
 *
 * @throws {Problem} 412 when `If-Match` names another one.
 */
export function checkIfMatch(request: FastifyRequest, revision: bigint | string): void {
  const wanted = request.headers["if-match"];
  if (wanted === undefined || wanted.trim() === "*") return;
  const tags = wanted.split(",").map((tag) => tag.trim());
  if (!tags.includes(`"${revision}"`)) throw new Problem(412, `it has changed since: its ETag is "${revision}" now`);
}

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1000;

/** The query of every list. */
export const pageQuery = {
  cursor: z.string().max(1024).optional(),
  limit: z.coerce
    .number({ error: `must be from 1 to ${LARGEST_PAGE}` })
    .int({ error: `must be from 1 to ${LARGEST_PAGE}` })
    .min(1, { error: `must be from 1 to ${LARGEST_PAGE}` })
    .max(LARGEST_PAGE, { error: `must be from 1 to ${LARGEST_PAGE}` })
    .default(DEFAULT_PAGE),
};

/**
 * Makes one page of rows that were read with one more than asked for: the extra one says that there is a next page,
 * which begins after the last one shown.
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  present: (row: Row) => Item,
  positionOf: (row: Row) => string,
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last !== undefined ? Buffer.from(positionOf(last)).toString("base64url") : null;
  return { items: shown.map(present), next };
}

/** The position that a cursor stands for; null without one. */
export function readCursor(cursor: string | undefined): string | null {
  return cursor === undefined ? null : Buffer.from(cursor, "base64url").toString();
}

/** The number of a row that a cursor stands for; null without one. */
export function readPosition(cursor: string | undefined): bigint | null {
  const position = readCursor(cursor);
  if (position === null) return null;
  if (!/^\d{1,18}$/.test(position)) throw new Problem(400, "the cursor is not one that a list gave");
  return BigInt(position);
}
