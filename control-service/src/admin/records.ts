import { recordFilterSchema } from "@oneapi/contract";
import type { FastifyInstance } from "fastify";
import type { Fleet } from "../gateway/fleet.ts";
import { listRecords } from "../ledger/list-records.ts";
import { verifyLedger } from "../ledger/verify.ts";
import { verifyBalances } from "../ledger/verify-balances.ts";
import { Problem } from "../problem.ts";
import type { Services } from "../services.ts";
import { invalid, parseQuery } from "./conventions.ts";

/** `GET /records` and `POST /ledger/verify` under `/admin/v1`. */
export async function recordRoutes(
  app: FastifyInstance,
  { services, fleet }: { services: Services; fleet: Fleet },
): Promise<void> {
  app.get("/records", async (request) => {
    const page = await listRecords(services.database.query, parseQuery(recordFilterSchema, request.query));
    if (page !== null) return page;
    throw invalid("the query is not valid", [{ path: "cursor", message: "must be what `next` of a page said" }]);
  });

  app.post("/ledger/verify", async () => {
    const { query } = services.database;
    const records = await verifyLedger(query);
    const balances = await verifyBalances(query, fleet.limits.counters).catch((error) => {
      app.log.error({ err: error }, "balances cannot be verified");
      throw new Problem(503, "the counters of the limits cannot be reached");
    });
    return { ...records, balances };
  });
}
