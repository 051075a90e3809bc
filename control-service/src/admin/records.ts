import { mistakesOf, recordFilterSchema } from "@oneapi/contract";
import type { FastifyInstance } from "fastify";
import { listRecords } from "../ledger/list-records.ts";
import { verifyLedger } from "../ledger/verify.ts";
import { Problem } from "../problem.ts";
import type { Services } from "../services.ts";

/** `GET /records` and `POST /ledger/verify` under `/admin/v1`. */
export async function recordRoutes(app: FastifyInstance, { services }: { services: Services }): Promise<void> {
  app.get("/records", async (request) => {
    const filter = recordFilterSchema.safeParse(request.query);
    if (!filter.success) {
      throw new Problem(400, "the filter is not valid", { errors: mistakesOf(filter.error.issues) });
    }
    const page = await listRecords(services.database.query, filter.data);
    if (page === null) {
      const errors = [{ path: "cursor", message: "must be what `next` of the page before said" }];
      throw new Problem(400, "the filter is not valid", { errors });
    }
    return page;
  });

  app.post("/ledger/verify", () => verifyLedger(services.database.query));
}
