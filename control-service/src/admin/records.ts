import { recordFilterSchema } from "@oneapi/contract";
import type { FastifyInstance } from "fastify";
import { listRecords } from "../ledger/list-records.ts";
import { verifyLedger } from "../ledger/verify.ts";
import type { Services } from "../services.ts";
import { invalid, parseQuery } from "./conventions.ts";

/** `GET /records` and `POST /ledger/verify` under `/admin/v1`. */
export async function recordRoutes(app: FastifyInstance, { services }: { services: Services }): Promise<void> {
  app.get("/records", async (request) => {
    const page = await listRecords(services.database.query, parseQuery(recordFilterSchema, request.query));
    if (page !== null) return page;
    throw invalid("the query is not valid", [{ path: "cursor", message: "must be what `next` of a page said" }]);
  });

  app.post("/ledger/verify", () => verifyLedger(services.database.query));
}
