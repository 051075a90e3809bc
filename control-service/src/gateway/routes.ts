import { MAX_RECORDS_PER_SYNC, mistakesOf, syncRequestSchema } from "@oneapi/contract";
import type { FastifyInstance } from "fastify";
import { Problem } from "../problem.ts";
import { requireBearer } from "../secrets/bearer.ts";
import type { Fleet } from "./fleet.ts";
import { answerSync } from "./sync.ts";

/** 1,000 records of 16 KiB each. */
const BODY_LIMIT = MAX_RECORDS_PER_SYNC * 16 * 1024;

/** `POST /gateway/v1/sync`: everything that a gateway and the control service say to each other. */
export async function gatewayRoutes(app: FastifyInstance, { fleet }: { fleet: Fleet }): Promise<void> {
  app.addHook("onRequest", requireBearer(fleet.services.gatewayToken));
  // Fastify's own parser refuses a body with a key like "__proto__" anywhere. A provider may put one into its usage, and
  // the record would never get through; nothing here copies foreign keys into objects, so plain JSON.parse is right.
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => {
    try {
      done(null, JSON.parse(body as string));
    } catch {
      done(new Problem(400, "the body is not valid JSON"));
    }
  });
  app.post("/gateway/v1/sync", { bodyLimit: BODY_LIMIT }, async (request, reply) => {
    const parsed = syncRequestSchema.safeParse(request.body);
    if (!parsed.success) {
      throw new Problem(400, "the sync request is not valid", { errors: mistakesOf(parsed.error.issues) });
    }
    const gone = new AbortController();
    const leave = () => gone.abort();
    reply.raw.once("close", leave);
    try {
      const text = await answerSync(fleet, parsed.data, gone.signal);
      return reply.type("application/json").send(text);
    } finally {
      reply.raw.off("close", leave);
    }
  });
}
