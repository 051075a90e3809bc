import { MAX_RECORDS_PER_SYNC, mistakesOf, syncRequestSchema } from "@oneapi/contract";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Problem } from "../problem.ts";
import { requireBearer } from "../secrets/bearer.ts";
import type { Fleet } from "./fleet.ts";
import { Intake, type Place } from "./intake.ts";
import { answerSync } from "./sync.ts";

/** 1,000 records of 16 KiB each. */
const BODY_LIMIT = MAX_RECORDS_PER_SYNC * 16 * 1024;

/** Seconds after which a gateway whose records were not taken may bring them again. */
const RETRY_AFTER_S = 1;

/**
 * `POST /gateway/v1/sync`: everything that a gateway and the control service say to each other. Messages with records are
 * refused with 503 while too many are being stored; those without never wait for them.
 */
export async function gatewayRoutes(
  app: FastifyInstance,
  { fleet, intake = new Intake() }: { fleet: Fleet; intake?: Intake },
): Promise<void> {
  const places = new WeakMap<FastifyRequest, Place>();
  const busy = () => {
    fleet.metrics.refusedSyncs.inc();
    return new Problem(503, "too many usage records are being stored; send them again", {
      headers: { "retry-after": `${RETRY_AFTER_S}` },
    });
  };
  app.addHook("onRequest", requireBearer(fleet.services.gatewayToken));
  // Before the body is read: what is refused must not take memory first.
  app.addHook("onRequest", async (request: FastifyRequest, reply: FastifyReply) => {
    const length = request.headers["content-length"];
    const place = intake.enter(length === undefined ? undefined : Number(length));
    if (place === null) throw busy();
    places.set(request, place);
    // Also when the gateway leaves before its message is here.
    reply.raw.once("close", () => {
      if (!request.body) place.leave();
    });
  });
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
    const place = places.get(request) as Place;
    const gone = new AbortController();
    const leave = () => gone.abort();
    reply.raw.once("close", leave);
    try {
      const parsed = syncRequestSchema.safeParse(request.body);
      if (!parsed.success) {
        throw new Problem(400, "the sync request is not valid", { errors: mistakesOf(parsed.error.issues) });
      }
      if (parsed.data.records.length === 0) place.leave();
      else if (place.isReserve) throw busy();
      const text = await answerSync(fleet, parsed.data, gone.signal);
      return reply.type("application/json").send(text);
    } finally {
      place.leave();
      reply.raw.off("close", leave);
    }
  });
}
