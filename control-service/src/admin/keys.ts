import { keyPatchSchema, nameSchema, newKeySchema } from "@oneapi/contract";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { answerOnce } from "../keys/idempotency.ts";
import { changeKey, createKey, findKey, type KeyRow, listKeys, presentKey, revokeKey } from "../keys/keys.ts";
import type { Services } from "../services.ts";
import { lockRevision } from "../store/revisions.ts";
import { checkIfMatch, pageOf, pageQuery, parseBody, parseQuery, readPosition, setEtag } from "./conventions.ts";

const listQuery = z.strictObject({ ...pageQuery, project: nameSchema.optional(), user: nameSchema.optional() });

type WithId = { Params: { id: string } };

/** `/keys`: made, listed, changed and revoked. */
export async function keyRoutes(app: FastifyInstance, { services }: { services: Services }): Promise<void> {
  const { query } = services.database;
  const present = (row: KeyRow) => presentKey(row, services.clock.now());

  app.post("/keys", async (request, reply) => {
    const key = parseBody(newKeySchema, request.body);
    const header = request.headers["idempotency-key"];
    const repeated = { key: typeof header === "string" ? header : null, request: key };
    const answer = await query.transaction().execute(async (transaction) => {
      await lockRevision(transaction, "keys");
      return answerOnce(transaction, services, repeated, async () => {
        const { row, secret } = await createKey(transaction, services, key);
        const { id, ...shown } = present(row);
        return { status: 201, body: { id, secret, ...shown } };
      });
    });
    const { id } = answer.body as { id: string };
    return reply.code(answer.status).header("location", `/admin/v1/keys/${id}`).send(answer.body);
  });

  app.get("/keys", async (request) => {
    const { cursor, limit, project, user } = parseQuery(listQuery, request.query);
    const before = readPosition(cursor);
    const rows = await listKeys(query, { project, user }, { before, limit: limit + 1 });
    return pageOf(rows, limit, present, (row) => String(row.sequence));
  });

  app.get<WithId>("/keys/:id", async (request, reply) => {
    const row = await findKey(query, request.params.id);
    setEtag(reply, row.revision);
    return present(row);
  });

  app.patch<WithId>("/keys/:id", async (request, reply) => {
    const patch = parseBody(keyPatchSchema, request.body);
    const row = await query.transaction().execute(async (transaction) => {
      await lockRevision(transaction, "keys");
      const before = await findKey(transaction, request.params.id);
      checkIfMatch(request, before.revision);
      return changeKey(transaction, services, before, patch);
    });
    setEtag(reply, row.revision);
    return present(row);
  });

  app.delete<WithId>("/keys/:id", async (request, reply) => {
    await query.transaction().execute(async (transaction) => {
      await lockRevision(transaction, "keys");
      const before = await findKey(transaction, request.params.id);
      checkIfMatch(request, before.revision);
      await revokeKey(transaction, services, before);
    });
    return reply.code(204).send();
  });
}
