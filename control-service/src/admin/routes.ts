import type { FastifyInstance } from "fastify";
import type { Fleet } from "../gateway/fleet.ts";
import { requireBearer } from "../secrets/bearer.ts";
import type { Services } from "../services.ts";
import { configRoutes } from "./config.ts";
import { configuredRoutes } from "./configured.ts";
import { envoyRoutes } from "./envoy.ts";
import { gatewayListRoutes } from "./gateways.ts";
import { keyRoutes } from "./keys.ts";
import { limitRoutes } from "./limits.ts";
import { recordRoutes } from "./records.ts";

/** `/admin/v1`: everything behind the admin token. */
export async function adminRoutes(
  app: FastifyInstance,
  { services, fleet }: { services: Services; fleet: Fleet },
): Promise<void> {
  app.addHook("onRequest", requireBearer(services.adminToken));
  app.addHook("onResponse", async (request, reply) => {
    const path = request.url.split("?")[0];
    const changes = request.method !== "GET" && request.method !== "HEAD";
    const level = changes ? "info" : "debug";
    request.log[level](
      { method: request.method, path, status: reply.statusCode, ms: reply.elapsedTime },
      "admin request",
    );
  });
  await app.register(configRoutes, { services });
  await app.register(configuredRoutes, { services });
  await app.register(keyRoutes, { services });
  await app.register(limitRoutes, { fleet });
  await app.register(recordRoutes, { services, fleet });
  await app.register(gatewayListRoutes, { fleet });
  await app.register(envoyRoutes, { fleet });
}
