import { resolve } from "node:path";
import { buildApp } from "../app.ts";
import { systemClock } from "../clock.ts";
import { createLogger } from "../logger.ts";
import { checkMasterKey } from "../secrets/master-key-check.ts";
import { referenceReader } from "../secrets/references.ts";
import { loadServiceSecrets } from "../secrets/service-secrets.ts";
import { Vault } from "../secrets/vault.ts";
import { openDatabase } from "../store/open.ts";
import { readArguments } from "./arguments.ts";
import { type Command, DONE, UsageError } from "./command.ts";

const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace"];

/** How long requests may take to end after a signal. */
const STOP_MS = 10_000;

export const serve: Command = {
  summary: "runs the control service",
  usage: `oneapi serve [options]

  --host ADDRESS    where to listen                                       [127.0.0.1]
  --port N          0 for a free one, which the log tells                 [8090]
  --data-dir DIR    secrets and, without DATABASE_URL, the database       [oneapi-data]
  --redis-url URL   counts limits in Redis or a Redis Cluster; needed for more than one instance
  --log-level LEVEL ${LEVELS.join(", ")}              [info]

From the environment: DATABASE_URL (PostgreSQL), ONEAPI_REDIS_URL (as --redis-url), ONEAPI_MASTER_KEY (64 hex digits or base64 of 32 bytes),
ONEAPI_ADMIN_TOKEN, ONEAPI_GATEWAY_TOKEN. The last three are made and kept in DIR when absent.`,

  async run(args, { environment }) {
    const { values } = readArguments(
      args,
      {
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "8090" },
        "data-dir": { type: "string", default: "oneapi-data" },
        "redis-url": { type: "string" },
        "log-level": { type: "string", default: "info" },
      },
      [],
    );
    if (!LEVELS.includes(values["log-level"])) throw new UsageError(`--log-level must be one of ${LEVELS.join(", ")}`);
    const port = readPort(values.port);
    const redisUrl = readRedisUrl(values["redis-url"] ?? environment.ONEAPI_REDIS_URL);
    const dataDir = resolve(values["data-dir"]);
    const logger = createLogger(values["log-level"]);

    // Listened for from the start, so that a signal during the start is not lost.
    const stopped = nextSignal();
    const secrets = loadServiceSecrets(dataDir, environment);
    const database = await openDatabase(environment.DATABASE_URL || null, dataDir, logger);
    logger.info({ database: database.kind }, "database open");
    try {
      const vault = new Vault(secrets.masterKeys);
      await checkMasterKey(database.query, vault);
      const app = await buildApp({
        database,
        vault,
        references: referenceReader(environment, dataDir),
        redisUrl,
        clock: systemClock,
        logger,
        adminToken: secrets.adminToken,
        gatewayToken: secrets.gatewayToken,
      });
      try {
        await app.listen({ host: values.host, port, listenTextResolver: (address) => `listening at ${address}` });
        logger.info({ signal: await stopped }, "stopping");
      } finally {
        setTimeout(() => {
          logger.error("requests did not end in time");
          process.exit(1);
        }, STOP_MS).unref();
        await app.close();
      }
    } finally {
      await database.close();
    }
    logger.info("stopped");
    return DONE;
  },
};

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`--port must be a number from 0 to 65535, not ${text}`);
}

/** @returns null for none. The message does not repeat the text, which may hold a password. */
function readRedisUrl(text: string | undefined): string | null {
  if (!text) return null;
  if (/^rediss?:$/.test(URL.parse(text)?.protocol ?? "")) return text;
  throw new UsageError("the URL of Redis must be like redis://HOST:6379, or rediss:// for TLS");
}

/** The first SIGTERM or SIGINT; the second one ends the process at once, as nothing listens any more. */
function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      process.off("SIGTERM", stop);
      process.off("SIGINT", stop);
      resolve(signal);
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}
