import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Cluster, Redis, type RedisOptions } from "ioredis";

export type RedisClient = Redis | Cluster;

/** The scripts of this folder, as methods: keys first, after their number. */
export interface Scripts {
  claim(keys: number, ...parts: (string | number)[]): Promise<string[]>;
  open(keys: number, ...parts: (string | number)[]): Promise<number>;
  bury(keys: number, ...parts: (string | number)[]): Promise<number>;
  forget(keys: number, ...parts: (string | number)[]): Promise<number>;
}

const CONNECT_TIMEOUT_MS = 1000;
/** A cluster that is just coming up lets connect() wait for ever. */
const READY_TIMEOUT_MS = 2000;
const LONGEST_RETRY_MS = 500;

const retry = (times: number) => Math.min(50 * times, LONGEST_RETRY_MS);

/**
 * What holds for every connection. Nothing waits for a connection that is not there, and nothing is sent twice: the
 * gateway is told that the counters cannot be reached, and asks again.
 */
const connection = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  // Sockets that hang without an end are noticed only by what is sent over them.
  keepAlive: 5000,
} satisfies RedisOptions;

/**
 * Connects to Redis, and finds out whether it is a cluster. Rejects when it cannot be reached.
 *
 * @param url redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS.
 */
export async function connectRedis(url: string): Promise<RedisClient & Scripts> {
  const single = new Redis(url, { ...connection, lazyConnect: true, enableOfflineQueue: false, retryStrategy: retry });
  const client = await (async () => {
    // Without a listener each failed attempt would be printed; whoever sends a command hears of it.
    single.on("error", () => {});
    try {
      await inTime(single.connect(), READY_TIMEOUT_MS);
      const info = await inTime(single.info("cluster"), READY_TIMEOUT_MS);
      if (!info.includes("cluster_enabled:1")) return single;
    } catch (error) {
      single.disconnect();
      throw error;
    }
    single.disconnect();
    return connectCluster(url);
  })();
  for (const name of ["claim", "open", "bury", "forget"]) {
    // Sent by its SHA-1; when the server does not know that (any more), ioredis sends the text.
    client.defineCommand(name, { lua: readFileSync(join(import.meta.dirname, `${name}.lua`), "utf8") });
  }
  return client as RedisClient & Scripts;
}

async function connectCluster(url: string): Promise<Cluster> {
  const { hostname, port, username, password, protocol } = new URL(url);
  const cluster = new Cluster([{ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || 6379 }], {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: retry,
    redisOptions: {
      ...connection,
      ...(username !== "" && { username: decodeURIComponent(username) }),
      ...(password !== "" && { password: decodeURIComponent(password) }),
      ...(protocol === "rediss:" && { tls: {} }),
    },
  });
  cluster.on("error", () => {});
  try {
    await inTime(cluster.connect(), READY_TIMEOUT_MS);
    return cluster;
  } catch (error) {
    cluster.disconnect();
    throw error;
  }
}

/** Rejects when an answer does not come in time; one that comes later is not heard. */
export function inTime<Answer>(answer: Promise<Answer>, ms: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Redis did not answer within ${ms} ms`)), ms);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
