import Fastify, { type FastifyBaseLogger, type FastifyInstance } from "fastify";
import { adminRoutes } from "./admin/routes.ts";
import { answerProblems } from "./problem.ts";
import type { Services } from "./services.ts";

/** The largest oneapi.yaml or batch of records that is read. */
const BODY_LIMIT = 16 * 1024 * 1024;

/** Puts the HTTP service together; it does not listen yet. */
export async function buildApp(services: Services): Promise<FastifyInstance> {
  const logger: FastifyBaseLogger = services.logger;
  const app = Fastify({ loggerInstance: logger, bodyLimit: BODY_LIMIT, forceCloseConnections: "idle" });
  answerProblems(app);
  await app.register(adminRoutes, { prefix: "/admin/v1", services });
  return app;
}
