/** Real servers for the tests: one Redis that keeps an append-only file, and a cluster of three masters. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";

const HOST = "127.0.0.1";
const START_MS = 20_000;
const SLOTS = 16_384;
const MASTERS = 3;

const program = findProgram();

/** Why there is no Redis to test with; null when there is one. */
export const redisMissing =
  program === null ? "no redis-server is installed (Debian: apt-get install redis-server)" : null;

/** Running servers that a test may stop and start again: they keep their data and their ports. */
export class TestRedis {
  readonly url: string;
  readonly #ports: readonly number[];
  readonly #start: (port: number) => ChildProcess;
  readonly #folder: string;
  #servers: ChildProcess[] = [];

  private constructor(folder: string, ports: readonly number[], start: (port: number) => ChildProcess) {
    this.url = `redis://${HOST}:${ports[0]}`;
    this.#folder = folder;
    this.#ports = ports;
    this.#start = start;
  }

  static async single(): Promise<TestRedis> {
    const folder = mkdtempSync(join(tmpdir(), "oneapi-redis-"));
    const [port] = (await freePorts(1)) as [number];
    // Each write is on disk before its answer, so that a killed server has forgotten nothing.
    const redis = new TestRedis(folder, [port], (port) => startServer(folder, port, ["--appendfsync", "always"]));
    await redis.start();
    return redis;
  }

  static async cluster(): Promise<TestRedis> {
    const folder = mkdtempSync(join(tmpdir(), "oneapi-redis-"));
    const ports = await freePorts(2 * MASTERS);
    const masters = ports.slice(0, MASTERS);
    const busOf = (port: number) => String(ports[MASTERS + masters.indexOf(port)]);
    const redis = new TestRedis(folder, masters, (port) =>
      startServer(folder, port, [
        ...["--cluster-enabled", "yes", "--cluster-config-file", `${port}.nodes`],
        ...["--cluster-port", busOf(port), "--cluster-node-timeout", "2000"],
      ]),
    );
    await redis.start();
    for (const [index, port] of masters.entries()) {
      const from = Math.floor((SLOTS * index) / MASTERS);
      const to = Math.floor((SLOTS * (index + 1)) / MASTERS) - 1;
      await ask(port, "CLUSTER", "ADDSLOTSRANGE", String(from), String(to));
      await ask(port, "CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
      await ask(port, "CLUSTER", "MEET", HOST, String(masters[0]), busOf(masters[0] as number));
    }
    for (const port of masters) {
      await until(async () => {
        const info = String(await ask(port, "CLUSTER", "INFO"));
        return info.includes("cluster_state:ok") && info.includes(`cluster_size:${MASTERS}`);
      });
    }
    return redis;
  }

  /** Starts what is stopped, and waits until it answers. */
  async start(): Promise<void> {
    this.#servers = this.#ports.map(this.#start);
    for (const port of this.#ports) await until(async () => (await ask(port, "PING")) === "PONG");
  }

  /** Ends the servers as a power cut would. */
  async kill(): Promise<void> {
    await Promise.all(this.#servers.map((server) => end(server, "SIGKILL")));
  }

  /** Lets the servers hang: connections stay, nothing is answered. */
  freeze(frozen: boolean): void {
    for (const server of this.#servers) server.kill(frozen ? "SIGSTOP" : "SIGCONT");
  }

  /** Sends a command to every server. */
  async ask(...command: [string, ...string[]]): Promise<unknown[]> {
    return Promise.all(this.#ports.map((port) => ask(port, ...command)));
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function startServer(folder: string, port: number, options: readonly string[]): ChildProcess {
  const own = ["--port", String(port), "--bind", HOST, "--dir", folder, "--save", "", "--appendonly", "yes"];
  const names = ["--appenddirname", `${port}.aof`];
  return spawn(program as string, [...own, ...names, ...options], { stdio: "ignore" });
}

async function ask(port: number, ...[name, ...args]: [string, ...string[]]): Promise<unknown> {
  const client = new Redis(port, HOST, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  client.on("error", () => {});
  try {
    await client.connect();
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > deadline) throw new Error("Redis did not start");
    await sleep(50);
  }
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, "exit");
  server.kill(signal);
  await gone;
}

async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  for (let found = 0; found < count; found++) {
    const server = createServer().listen(0, HOST);
    await once(server, "listening");
    servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

function findProgram(): string | null {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, "redis-server");
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this one.
    }
  }
  return null;
}
