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
  const { node, dataDir, relayPort, statusPort } = settings;
  const socket = socketOf(dataDir, node);
  const files = { conf: join(dataDir, `${node}.conf`), yaml: join(dataDir, `${node}.yml`) };
  const prefix = join(dataDir, node);
  await writeFile(files.yaml, await kongYaml(`http://${HOST}:${relayPort}`));
  await writeFile(
    files.conf,
    await kongConf({
      declarative_config: files.yaml,
      proxy_listen: `${HOST}:${settings.port}`,
      pluginserver_oneapi_socket: socket,
      pluginserver_oneapi_query_cmd: `${process.execPath} ${PROGRAM} --dump`,
      prefix,
      admin_listen: "off",
      admin_gui_listen: "off",
      anonymous_reports: "off",
      nginx_main_daemon: "off",
      // Root's Kong would run its workers as a user who may not open the socket.
      ...(process.getuid?.() === 0 && { nginx_main_user: "root root" }),
    }),
  );
  let kong: Part | null = null;
  const drain = async () => {
    kong?.retire("SIGQUIT");
    await callsEnd(statusPort);
  };
  const plugin = startPlugin(settings, socket, drain, supervisor);
  await plugin.ready(async () => (await ask(`http://${HOST}:${statusPort}/readyz`))?.status === 200);
  const command = kongCommand(process.env.KONG_BIN ?? "", files.conf, prefix);
  kong = supervisor.start({ name: `${node}'s Kong`, ...command });
  return { plugin, kong };
}

/**
 * Makes a real Kong what `kong start` makes of it, but one process that gets its signals: that command waits beside an nginx
 * that it has started. Sockets that a killed one has left would be in the way of the next.
 *
 * @see https://github.com/Kong/docker-kong/blob/master/docker-entrypoint.sh
 */
const START_KONG = `set -e
"$0" prepare -c "$1"
rm -f "$2"/*.sock "$2"/sockets/*
for nginx in "\${0%/*}/../openresty/nginx/sbin/nginx" /usr/local/openresty/nginx/sbin/nginx nginx; do
  if command -v "$nginx" >/dev/null; then exec "$nginx" -p "$2" -c nginx.conf; fi
done
echo "there is no nginx of Kong's beside $0, in /usr/local/openresty or in PATH" >&2
exit 1
`;

/** What runs the Kong of this path, or the stand-in when it is empty. */
export function kongCommand(kong: string, conf: string, prefix: string): { program: string; args: string[] } {
  if (kong !== "") return { program: "sh", args: ["-c", START_KONG, kong, conf, prefix] };
  return { program: process.execPath, args: [join(checkout, "test/kong/main.ts"), "-c", conf] };
}

/** A socket's path must be short, which a data folder's may not be. */
function socketOf(dataDir: string, node: string): string {
  const path = join(dataDir, `${node}.sock`);
  if (Buffer.byteLength(path) <= LONGEST_PATH) return path;
  const folder = createHash("sha256").update(dataDir).digest("hex").slice(0, 16);
  return join(tmpdir(), `oneapi-${folder}-${node}.sock`);
}

const PROGRAM = join(checkout, "kong-plugin/bin/oneapi-kong.js");

function startPlugin(settings: KongSettings, socket: string, drain: () => Promise<void>, supervisor: Supervisor): Part {
  const { node, relayPort, statusPort, dataDir, controlUrl, token, certificateAuthorities } = settings;
  const places = ["--socket", socket, "--relay-port", `${relayPort}`, "--status-port", `${statusPort}`];
  const others = ["--node", node, "--spool-dir", join(dataDir, `${node}-spool`), "--ca", certificateAuthorities];
  // The calls have had their time when it is told to end.
  others.push("--drain-seconds", "0");
  return supervisor.start({
    name: node,
    program: process.execPath,
    args: [PROGRAM, ...places, "--control-url", controlUrl, ...others],
    env: { ONEAPI_GATEWAY_TOKEN: token },
    drain,
  });
}

/** Lets the calls in flight come to their end; those that do not are broken off when the process is told to end. */
async function callsEnd(statusPort: number): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  while (performance.now() < deadline) {
    const answer = await ask(`http://${HOST}:${statusPort}/metrics`);
    if (answer === null || /^oneapi_relay_active 0$/m.test(answer.text)) return;
    await sleep(50);
  }
}
