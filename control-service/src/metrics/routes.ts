import type { FastifyInstance } from "fastify";
import type { Fleet } from "../gateway/fleet.ts";

/** `GET /metrics`, in Prometheus' text format. It holds no secrets and needs no token, as scrapers expect. */
export async function metricsRoutes(app: FastifyInstance, { fleet }: { fleet: Fleet }): Promise<void> {
  app.get("/metrics", async (_request, reply) => {
    fleet.countGateways();
    await fleet.limits.countCounters();
    const { registry } = fleet.metrics;
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
