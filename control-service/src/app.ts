import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { adminRoutes } from "./admin/routes.ts";
import { Fleet } from "./gateway/fleet.ts";
import { gatewayRoutes } from "./gateway/routes.ts";
import { healthRoutes } from "./health.ts";
import { metricsRoutes } from "./metrics/routes.ts";
import { answerProblems } from "./problem.ts";
import type { Services } from "./services.ts";
import { discoveryRoutes } from "./xds/routes.ts";

/** The largest oneapi.yaml that is read. */
const BODY_LIMIT = 16 * 1024 * 1024;

/** Puts the HTTP service together; it does not listen yet. Closing it lets every waiting gateway go. */
export async function buildApp(services: Services): Promise<FastifyInstance> {
  const fleet = await Fleet.open(services);
  const logger: FastifyBaseLogger = services.logger;
  const app = Fastify({
    loggerInstance: logger,
    // Gateways poll several times a second: each part logs what is worth a line.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: "idle",
  });
  app.addHook("preClose", () => fleet.close());
  answerProblems(app);
  await app.register(healthRoutes, { services });
  await app.register(metricsRoutes, { fleet });
  await app.register(gatewayRoutes, { fleet });
  await app.register(discoveryRoutes, { fleet });
  await app.register(adminRoutes, { prefix: "/admin/v1", services, fleet });
  return app;
}
