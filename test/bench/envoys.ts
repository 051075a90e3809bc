/** The Envoys that are compared: plain ones, and ones with OneAPI's filter. Each has one worker, on the gateway's core. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ask } from "../../deploy/ask.ts";
import { address } from "../../deploy/envoy/address.ts";
import { HOST, PortFinder } from "../../deploy/ports.ts";
import type { Cores } from "./machine.ts";
import type { Processes } from "./processes.ts";

const run = promisify(execFile);

/** Keys in oneapi.yaml: one that nothing limits, and one with five limits. */
export const KEYS = { unlimited: "sk-bench-0123456789abcdef", limited: "sk-bench-limited-0123456789" } as const;

export function authorization(key: keyof typeof KEYS): string {
  return `Bearer ${KEYS[key]}`;
}

/** Something that answers chats; `pid`: of the process whose CPU time counts. */
export type Gateway = { port: number; pid: number };

/** One that was started by itself; `readyAfterS`: from its start to its first answer. */
export type StartedEnvoy = Gateway & { readyAfterS: number; stop(): Promise<void> };

export class EnvoyStarter {
  private readonly binary: string;
  private readonly cores: Cores | null;
  private readonly folder: string;
  private readonly processes: Processes;

  /** `folder`: for their configurations. */
  constructor(binary: string, cores: Cores | null, folder: string, processes: Processes) {
    this.binary = binary;
    this.cores = cores;
    this.folder = folder;
    this.processes = processes;
  }

  /** Starts one, and waits for its first answer to a chat. `configure` is given the port to listen on. */
  async start(name: string, configure: (port: number) => object): Promise<StartedEnvoy> {
    const port = await freePort();
    const file = join(this.folder, `${name}.json`);
    // It may hold the gateway's token.
    await writeFile(file, JSON.stringify(configure(port), null, 2), { mode: 0o600 });
    const pinned = this.cores === null ? [] : ["taskset", "-c", this.cores.gateway];
    // The flags that `up` gives to its own.
    const flags = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warn"];
    const began = performance.now();
    const envoy = this.processes.start(name, [...pinned, this.binary, "-c", file, ...flags]);
    await envoy.until(() => answersChat(port), 5);
    return { port, pid: envoy.pid, readyAfterS: (performance.now() - began) / 1000, stop: () => envoy.stop() };
  }
}

/** A configuration with one route to the upstream and no filter but the router: the least that an Envoy can be asked for. */
export function plainConfig(port: number, upstreamPort: number): object {
  const filters = "type.googleapis.com/envoy.extensions.filters";
  const route = { match: { prefix: "/" }, route: { cluster: "upstream", timeout: "600s" } };
  const connectionManager = {
    "@type": `${filters}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "plain",
    route_config: { virtual_hosts: [{ name: "plain", domains: ["*"], routes: [route] }] },
    http_filters: [{ name: "router", typed_config: { "@type": `${filters}.http.router.v3.Router` } }],
  };
  const listener = {
    name: "plain",
    address: address(HOST, port),
    filter_chains: [{ filters: [{ name: "http", typed_config: connectionManager }] }],
  };
  const endpoint = { endpoint: { address: address(HOST, upstreamPort) } };
  const cluster = {
    name: "upstream",
    type: "STATIC",
    connect_timeout: "2s",
    load_assignment: { cluster_name: "upstream", endpoints: [{ lb_endpoints: [endpoint] }] },
  };
  return { static_resources: { listeners: [listener], clusters: [cluster] } };
}

/** Whether a chat gets its answer through the Envoy at this port. */
export async function answersChat(port: number, key: keyof typeof KEYS = "unlimited"): Promise<boolean> {
  const headers = { authorization: authorization(key), "content-type": "application/json" };
  const body = JSON.stringify({ model: "chat", messages: [{ role: "user", content: "hi" }] });
  const answer = await ask(`http://${HOST}:${port}/v1/chat/completions`, { method: "POST", headers, body });
  return answer?.status === 200;
}

export async function freePort(): Promise<number> {
  const finder = new PortFinder();
  const port = await finder.find(0);
  await finder.release();
  return port;
}

/** As in `1.40.0`. */
export async function versionOf(binary: string): Promise<string> {
  const { stdout } = await run(binary, ["--version"]);
  return /version:.*\/(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? "of an unknown version";
}
