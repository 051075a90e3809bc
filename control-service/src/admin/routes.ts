import type { FastifyInstance } from "fastify";
import { requireBearer } from "../secrets/bearer.ts";
import type { Services } from "../services.ts";

/** `/admin/v1`: everything behind the admin token. */
export async function adminRoutes(app: FastifyInstance, { services }: { services: Services }): Promise<void> {
  app.addHook("onRequest", requireBearer(services.adminToken));
}
