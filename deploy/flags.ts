import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { checkout } from "./checkout.ts";

const defaultDataDir = join(checkout, ".data");

export type GatewayKind = "envoy" | "kong";

export type Flags = {
  /** Path of an oneapi.yaml to apply instead of the demo. */
  config: string | null;
  gateways: GatewayKind[];
  /** Of the first gateway; further ones take free ports. 0 picks a free one. */
  port: number;
  controlPort: number;
  dataDir: string;
  /** Threads of each Envoy. */
  workers: number;
  /** A fake provider and quickstart.yaml. */
  demo: boolean;
  json: boolean;
  databaseUrl: string | null;
  redisUrl: string | null;
};

export const USAGE = `npm run up -- [options]

  --config FILE        apply this oneapi.yaml (then no demo is set up)
  --gateway KIND,…     gateways to start: envoy, kong, or several like envoy,kong [envoy]
  --port N             port of the first gateway, 0 for a free one                [8080]
  --control-port N     port of the control service, 0 for a free one              [8090]
  --data-dir DIR       where state is kept                                        [.data]
  --workers N          threads of each Envoy                                      [1]
  --no-demo            no fake provider and no demo configuration
  --json               print one line of JSON when everything answers
  --database-url URL   PostgreSQL instead of the embedded store
  --redis-url URL      Redis for counters
`;

/** Command line that cannot be obeyed; the message says why. */
export class UsageError extends Error {}

/**
 * Reads the command line; null when only help is wanted. Paths are taken from `folder`, the one that the user is in.
 * Throws {@link UsageError}.
 */
export function readFlags(args: string[], folder: string): Flags | null {
  const values = parse(args);
  if (values.help) return null;
  return {
    config: values.config === undefined ? null : resolve(folder, values.config),
    gateways: readGateways(values.gateway),
    port: readNumber("--port", values.port, 0, 65_535),
    controlPort: readNumber("--control-port", values["control-port"], 0, 65_535),
    dataDir: resolve(folder, values["data-dir"] ?? defaultDataDir),
    workers: readNumber("--workers", values.workers, 1, 1024),
    demo: !values["no-demo"] && values.config === undefined,
    json: values.json,
    databaseUrl: values["database-url"] ?? null,
    redisUrl: values["redis-url"] ?? null,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        config: { type: "string" },
        gateway: { type: "string", default: "envoy" },
        port: { type: "string", default: "8080" },
        "control-port": { type: "string", default: "8090" },
        "data-dir": { type: "string" },
        workers: { type: "string", default: "1" },
        "no-demo": { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        "database-url": { type: "string" },
        "redis-url": { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function readGateways(text: string): GatewayKind[] {
  return text.split(",").map((kind) => {
    if (kind === "envoy" || kind === "kong") return kind;
    throw new UsageError(`--gateway ${kind}: must be envoy or kong, or a list like envoy,kong`);
  });
}

function readNumber(flag: string, text: string, low: number, high: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= low && number <= high) return number;
  throw new UsageError(`${flag} ${text}: must be a whole number from ${low} to ${high}`);
}
