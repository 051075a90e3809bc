import type { FastifyInstance } from "fastify";
import { sql } from "kysely";
import { Problem } from "./problem.ts";
import type { Services } from "./services.ts";

const DATABASE_TIMEOUT_MS = 2000;

/** `/healthz`: the process answers. `/readyz`: it can serve, as the database is migrated on opening and answers now. */
export async function healthRoutes(app: FastifyInstance, { services }: { services: Services }): Promise<void> {
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (request) => {
    if (await answersInTime(services)) return { status: "ready" };
    request.log.warn("not ready: the database does not answer");
    throw new Problem(503, "the database does not answer");
  });
}

async function answersInTime({ database }: Services): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, DATABASE_TIMEOUT_MS, false);
  });
  const answer = sql`select 1 from revisions`.execute(database.query).then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
