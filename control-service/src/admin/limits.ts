import { type CounterName, formatUsd, limitSubjects } from "@oneapi/contract";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Fleet } from "../gateway/fleet.ts";
import { answerOnce } from "../keys/idempotency.ts";
import { isBalance } from "../limits/balances.ts";
import { type ConfiguredLimit, configuredLimits } from "../limits/configured-limits.ts";
import { limitStates } from "../limits/limit-states.ts";
import { type EntryRow, listEntries, newEntrySchema, payIn } from "../limits/pay-in.ts";
import { Problem } from "../problem.ts";
import { lockRevision } from "../store/revisions.ts";
import { pageOf, pageQuery, parseBody, parseQuery, readCursor, readPosition } from "./conventions.ts";

const listQuery = z.strictObject({
  ...pageQuery,
  subject: z.enum(limitSubjects, { error: `must be one of ${limitSubjects.join(", ")}` }).optional(),
  /** Of the subject: an id of a key, else a name. */
  name: z.string().max(256).optional(),
});
const entriesQuery = z.strictObject(pageQuery);

type WithId = { Params: { id: string } };

/** `/limits`: how much of each is used, and the entries of balances. Ids with slashes are sent as %2F. */
export async function limitRoutes(app: FastifyInstance, { fleet }: { fleet: Fleet }): Promise<void> {
  const { services, limits } = fleet;
  const { query } = services.database;

  async function present(asked: readonly ConfiguredLimit[]) {
    return limitStates(limits, asked, services.clock.now()).catch((error) => {
      app.log.error({ err: error }, "the limits' counters cannot be reached");
      throw new Problem(503, "the counters of the limits cannot be reached");
    });
  }

  async function find(id: string): Promise<ConfiguredLimit> {
    const found = (await configuredLimits(query)).find((limit) => limit.id === id);
    if (found) return found;
    throw new Problem(404, `there is no limit ${JSON.stringify(id)}`);
  }

  async function findBalance(id: string): Promise<ConfiguredLimit> {
    const limit = await find(id);
    if (isBalance(limit)) return limit;
    throw new Problem(409, "the limit has a window: only a balance, which is spend with the window none, has entries");
  }

  app.get("/limits", async (request) => {
    const { cursor, limit, subject, name } = parseQuery(listQuery, request.query);
    const after = readCursor(cursor);
    const asked = (await configuredLimits(query)).filter(
      (found: CounterName & { id: string }) =>
        (after === null || found.id > after) &&
        (subject === undefined || found.subject === subject) &&
        (name === undefined || found.name === name),
    );
    const page = pageOf(
      asked.slice(0, limit + 1),
      limit,
      (found) => found,
      ({ id }) => id,
    );
    return { items: await present(page.items), next: page.next };
  });

  app.get<WithId>("/limits/:id", async (request) => (await present([await find(request.params.id)]))[0]);

  app.get<WithId>("/limits/:id/entries", async (request) => {
    const { cursor, limit } = parseQuery(entriesQuery, request.query);
    const { id } = await findBalance(request.params.id);
    const rows = await listEntries(query, id, { before: readPosition(cursor), limit: limit + 1 });
    return pageOf(rows, limit, presentEntry, (row) => String(row.id));
  });

  app.post<WithId>("/limits/:id/entries", async (request, reply) => {
    const entry = parseBody(newEntrySchema, request.body);
    const balance = await findBalance(request.params.id);
    const header = request.headers["idempotency-key"];
    const repeated = {
      key: typeof header === "string" ? header : null,
      request: [balance.id, String(entry.amount_usd), entry.reason, entry.author],
    };
    const answer = await query.transaction().execute(async (transaction) => {
      // In the order in which an apply takes them.
      await lockRevision(transaction, "config");
      await lockRevision(transaction, "keys");
      return answerOnce(transaction, services, repeated, async () => {
        const row = await payIn(transaction, services.clock, balance, entry);
        return { status: 201, body: presentEntry(row) };
      });
    });
    return reply.code(answer.status).send(answer.body);
  });
}

function presentEntry({ id, counter, created_at, author, reason, amount_nano_usd }: EntryRow) {
  const sign = amount_nano_usd < 0n ? "-" : "";
  const amount = formatUsd(amount_nano_usd < 0n ? -amount_nano_usd : amount_nano_usd);
  return {
    id: String(id),
    limit: counter,
    created_at: created_at.toISOString(),
    author,
    reason,
    amount_usd: sign + amount,
  };
}
