import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../ask.ts";
import { checkout } from "../checkout.ts";
import type { Part } from "../part.ts";
import { HOST } from "../ports.ts";
import type { Supervisor } from "../supervisor.ts";
import { kongConf, kongYaml } from "./configuration.ts";

/** How long a stopping gateway may go on with the calls that it is serving. */
const DRAIN_MS = 2_000;
/** Of a unix socket, bytes. @see https://man7.org/linux/man-pages/man7/unix.7.html */
const LONGEST_PATH = 100;

export type KongSettings = {
  node: string;
  /** Of Kong itself, for clients. */
  port: number;
  relayPort: number;
  statusPort: number;
  dataDir: string;
  controlUrl: string;
  token: string;
  certificateAuthorities: string;
};

/** The two processes of a Kong gateway. */
export type KongParts = { plugin: Part; kong: Part };

/** Starts oneapi-kong, and with it the Kong in `KONG_BIN`, or the stand-in for one. */
export async function startKong(settings: KongSettings, supervisor: Supervisor): Promise<KongParts> {
  const { node, dataDir, relayPort } = settings;
  const socket = socketOf(dataDir, node);
  const files = { conf: join(dataDir, `${node}.conf`), yaml: join(dataDir, `${node}.yml`) };
  await writeFile(files.yaml, await kongYaml(`http://${HOST}:${relayPort}`));
  await writeFile(
    files.conf,
    await kongConf({
      declarative_config: files.yaml,
      proxy_listen: `${HOST}:${settings.port}`,
      pluginserver_oneapi_socket: socket,
      pluginserver_oneapi_query_cmd: `${process.execPath} ${PROGRAM} --dump`,
      prefix: join(dataDir, node),
      admin_listen: "off",
      admin_gui_listen: "off",
      nginx_daemon: "off",
    }),
  );
  const plugin = startPlugin(settings, socket, supervisor);
  await plugin.ready(async () => (await ask(`http://${HOST}:${settings.statusPort}/readyz`))?.status === 200);
  const program = process.env.KONG_BIN;
  const kong = supervisor.start({
    name: `${node}'s Kong`,
    program: program ?? process.execPath,
    args: program === undefined ? [join(checkout, "test/kong/main.ts"), "-c", files.conf] : ["start", "-c", files.conf],
  });
  return { plugin, kong };
}

/** A socket's path must be short, which a data folder's may not be. */
function socketOf(dataDir: string, node: string): string {
  const path = join(dataDir, `${node}.sock`);
  if (Buffer.byteLength(path) <= LONGEST_PATH) return path;
  const folder = createHash("sha256").update(dataDir).digest("hex").slice(0, 16);
  return join(tmpdir(), `oneapi-${folder}-${node}.sock`);
}

const PROGRAM = join(checkout, "kong-plugin/bin/oneapi-kong.js");

function startPlugin(settings: KongSettings, socket: string, supervisor: Supervisor): Part {
  const { node, relayPort, statusPort, dataDir, controlUrl, token, certificateAuthorities } = settings;
  const places = ["--socket", socket, "--relay-port", `${relayPort}`, "--status-port", `${statusPort}`];
  const others = ["--node", node, "--spool-dir", join(dataDir, `${node}-spool`), "--ca", certificateAuthorities];
  return supervisor.start({
    name: node,
    program: process.execPath,
    args: [PROGRAM, ...places, "--control-url", controlUrl, ...others],
    env: { ONEAPI_GATEWAY_TOKEN: token },
    drain: () => drain(statusPort),
  });
}

/** Lets the calls in flight come to their end; their records go when the process is told to end. */
async function drain(statusPort: number): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  while (performance.now() < deadline) {
    const answer = await ask(`http://${HOST}:${statusPort}/metrics`);
    if (answer === null || /^oneapi_relay_active 0$/m.test(answer.text)) return;
    await sleep(50);
  }
}
