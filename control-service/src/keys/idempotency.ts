import { createHash } from "node:crypto";
import type { Transaction } from "kysely";
import { Problem } from "../problem.ts";
import type { Services } from "../services.ts";
import type { Tables } from "../store/tables.ts";

const KEPT_MS = 24 * 3_600_000;

/** What a request was answered with; the body may hold a secret, so it is kept sealed. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Runs `act` once for each `Idempotency-Key`: the same request again within a day gets the first answer. The caller
 * holds a lock, so that two requests with one key cannot both be the first.
 *
 * @param key null: the request has none, and is never repeated.
 * @throws {Problem} 422 when the key came before with another request, 400 when it cannot be one.
 */
export async function answerOnce(
  transaction: Transaction<Tables>,
  { vault, clock }: Pick<Services, "vault" | "clock">,
  { key, request }: { key: string | null; request: unknown },
  act: () => Promise<Answer>,
): Promise<Answer> {
  if (key === null) return act();
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new Problem(400, "Idempotency-Key must have 1 to 255 printable characters");
  const requestHash = createHash("sha256").update(JSON.stringify(request)).digest("hex");
  const place = `idempotency:${key}`;
  const now = clock.now();
  await transaction
    .deleteFrom("idempotent_answers")
    .where("created_at", "<", new Date(now - KEPT_MS))
    .execute();
  const earlier = await transaction
    .selectFrom("idempotent_answers")
    .selectAll()
    .where("idempotency_key", "=", key)
    .executeTakeFirst();
  if (earlier && earlier.request_hash !== requestHash) {
    throw new Problem(422, "this Idempotency-Key was used with another request");
  }
  if (earlier) return { status: earlier.status, body: JSON.parse(vault.open(earlier.sealed_body, place)) };
  const answer = await act();
  await transaction
    .insertInto("idempotent_answers")
    .values({
      idempotency_key: key,
      request_hash: requestHash,
      status: answer.status,
      sealed_body: vault.seal(JSON.stringify(answer.body), place),
      created_at: new Date(now),
    })
    .execute();
  return answer;
}
