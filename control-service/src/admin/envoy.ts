import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Fleet } from "../gateway/fleet.ts";
import { staticEnvoyConfig } from "../xds/static-config.ts";
import { parseQuery } from "./conventions.ts";

const absolutePath = z.string({ error: "is required" }).startsWith("/", { error: "must be an absolute path" });
const port = z.coerce.number({ error: "must be a port" }).int().min(1).max(65_535);
const host = z.string().min(1).max(253);

const querySchema = z.strictObject({
  node: z.string().min(1).max(128).default("envoy-1"),
  wasm: absolutePath,
  ca: absolutePath.default("/etc/ssl/certs/ca-certificates.crt"),
  listen_host: host.default("0.0.0.0"),
  listen_port: port.default(8080),
  control_host: host.default("127.0.0.1"),
  control_port: port.default(8090),
  control_tls: z.stringbool().default(false),
});

/** `GET /envoy/config` under `/admin/v1`: the configuration of an Envoy that gets its clusters from elsewhere. */
export async function envoyRoutes(app: FastifyInstance, { fleet }: { fleet: Fleet }): Promise<void> {
  app.get("/envoy/config", async (request) => {
    const query = parseQuery(querySchema, request.query);
    return staticEnvoyConfig(fleet.snapshot, {
      node: query.node,
      files: { wasm: query.wasm, ca: query.ca },
      listen: { host: query.listen_host, port: query.listen_port },
      control: { host: query.control_host, port: query.control_port, tls: query.control_tls },
      gatewayToken: fleet.services.gatewayToken,
    });
  });
}
