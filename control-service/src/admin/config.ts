import { checkConfig } from "@oneapi/contract";
import type { FastifyInstance } from "fastify";
import { stringify } from "yaml";
import { z } from "zod";
import { applyConfig } from "../config/apply.ts";
import { dumpConfig } from "../config/dump.ts";
import { parseConfigText } from "../config/parse.ts";
import { readStoredState } from "../config/stored-state.ts";
import type { Services } from "../services.ts";
import { currentRevision } from "../store/revisions.ts";
import { checkIfMatch, invalid, parseQuery, setEtag } from "./conventions.ts";

const YAML_TYPES = ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "application/vnd.yaml"];

const applyQuery = z.strictObject({
  dry_run: z.enum(["true", "false"], { error: "must be true or false" }).default("false"),
});

/** `GET` and `PUT /config`: the whole of oneapi.yaml. */
export async function configRoutes(app: FastifyInstance, { services }: { services: Services }): Promise<void> {
  app.addContentTypeParser(YAML_TYPES, { parseAs: "string" }, async (_request: unknown, text: string | Buffer) => {
    const parsed = parseConfigText(text.toString());
    if ("document" in parsed) return parsed.document;
    throw invalid("the body is not valid YAML", parsed.mistakes);
  });

  app.get("/config", async (request, reply) => {
    const { version, document } = await services.database.query
      .transaction()
      .setIsolationLevel("repeatable read")
      .setAccessMode("read only")
      .execute(async (transaction) => ({
        version: await currentRevision(transaction, "config"),
        document: dumpConfig(await readStoredState(transaction, services.vault)),
      }));
    setEtag(reply, version);
    reply.header("vary", "accept");
    if (request.headers.accept?.includes("application/json")) return reply.send(document);
    return reply.type("application/yaml; charset=utf-8").send(stringify(document, { lineWidth: 120 }));
  });

  app.put("/config", async (request, reply) => {
    const query = parseQuery(applyQuery, request.query);
    const { config, mistakes, warnings } = checkConfig(request.body);
    if (!config) throw invalid("the configuration is not valid", mistakes);
    const dryRun = query.dry_run === "true";
    const result = await applyConfig(services, config, {
      dryRun,
      precondition: (version) => checkIfMatch(request, version),
    });
    if (!dryRun && result.changes.length > 0) {
      request.log.info({ version: result.version, changes: result.changes.length }, "configuration applied");
    }
    setEtag(reply, result.version);
    return {
      version: result.version,
      dry_run: dryRun,
      changes: result.changes,
      warnings: [...warnings, ...result.warnings],
    };
  });
}
