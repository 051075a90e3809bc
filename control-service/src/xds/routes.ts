import { mistakesOf } from "@oneapi/contract";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Fleet } from "../gateway/fleet.ts";
import { Problem } from "../problem.ts";
import { sameSecret } from "../secrets/bearer.ts";
import { answerDiscovery } from "./discovery.ts";

/** Where Debian and its kin keep the public certificate authorities; for an Envoy that names no other bundle. */
const USUAL_CA = "/etc/ssl/certs/ca-certificates.crt";

/** Envoy lists every extension it has in its node: 77 KB in 1.40. */
const BODY_LIMIT = 1024 * 1024;

/** The part of a DiscoveryRequest that matters here; Envoy writes JSON with the names of the protocol files. */
const discoverySchema = z.object({
  version_info: z.string().max(128).default(""),
  node: z.object({
    id: z.string().min(1).max(128),
    metadata: z.object({
      oneapi: z.object({
        token: z.string(),
        wasm: z.string().startsWith("/", { error: "must be the absolute path of oneapi.wasm" }),
        ca: z.string().startsWith("/", { error: "must be an absolute path" }).default(USUAL_CA),
      }),
    }),
  }),
  error_detail: z.object({ message: z.string().default("") }).optional(),
});

/**
 * `POST /v3/discovery:clusters`: Envoy's cluster discovery over REST. Envoy can put no header of ours on it, so the
 * token travels in the node's metadata.
 */
export async function discoveryRoutes(app: FastifyInstance, { fleet }: { fleet: Fleet }): Promise<void> {
  // The router reads a single colon as a parameter.
  app.post("/v3/discovery::clusters", { bodyLimit: BODY_LIMIT }, async (request, reply) => {
    const parsed = discoverySchema.safeParse(request.body);
    if (!parsed.success) {
      throw new Problem(400, "the discovery request is not valid", { errors: mistakesOf(parsed.error.issues) });
    }
    const { version_info, node, error_detail } = parsed.data;
    if (!sameSecret(node.metadata.oneapi.token, fleet.services.gatewayToken)) {
      throw new Problem(401, "node.metadata.oneapi.token is not the gateway token");
    }
    const gone = new AbortController();
    const leave = () => gone.abort();
    reply.raw.once("close", leave);
    try {
      const text = await answerDiscovery(
        fleet,
        { name: node.id, files: node.metadata.oneapi, held: version_info, error: error_detail?.message ?? null },
        gone.signal,
      );
      if (text === null) return reply.code(304).send();
      return reply.type("application/json").send(text);
    } finally {
      reply.raw.off("close", leave);
    }
  });
}
