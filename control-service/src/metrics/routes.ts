import type { FastifyInstance } from "fastify";
import type { Metrics } from "./metrics.ts";

/** `GET /metrics`, in Prometheus' text format. It holds no secrets and needs no token, as scrapers expect. */
export async function metricsRoutes(app: FastifyInstance, { metrics }: { metrics: Metrics }): Promise<void> {
  app.get("/metrics", async (_request, reply) => {
    const text = await metrics.registry.metrics();
    return reply.type(metrics.registry.contentType).send(text);
  });
}
