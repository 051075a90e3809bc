/**
 * What an installed Kong's programs do, done with a container of Kong's image:
 *
 *     image-main.ts prepare -c DIR/NODE.conf            asks the plugin what it is, as Kong does here: the image has no Node.js
 *     image-main.ts nginx -p DIR/NODE -c nginx.conf     runs Kong until a signal ends it
 *     image-main.ts reload -c DIR/NODE.conf
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { GenericContainer, getContainerRuntimeClient } from "testcontainers";
import { KONG_IMAGE } from "./image.ts";

const LOOK_MS = 500;
/** How long Kong may take to end the requests under way: SIGQUIT waits for them, SIGTERM only for Kong itself. */
const STOP_MS = { SIGQUIT: 60_000, SIGTERM: 2_000, SIGINT: 2_000 } as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { conf: { type: "string", short: "c", default: "" }, prefix: { type: "string", short: "p", default: "" } },
});
// kong.conf stands beside the prefix, under its name (deploy/kong/gateway.ts).
const prefix = values.prefix || values.conf.replace(/\.conf$/, "");
const files = { conf: `${prefix}.conf`, description: `${prefix}.plugin.json`, container: `${prefix}.container` };

const [command] = positionals;
if (command === "prepare") prepare();
else if (command === "reload") await reload();
else if (command === "nginx") await run();
else throw new Error(`${command}: must be prepare, reload or nginx`);

/** The value of a line of kong.conf. */
function setting(name: string): string {
  const [, value] = new RegExp(`^${name} = (.*)$`, "m").exec(readFileSync(files.conf, "utf8")) ?? [];
  if (value === undefined) throw new Error(`${files.conf} has no ${name}`);
  return value;
}

function prepare(): void {
  const query = setting("pluginserver_oneapi_query_cmd");
  writeFileSync(files.description, execFileSync("sh", ["-c", `exec ${query}`]));
}

async function reload(): Promise<void> {
  const { container } = await getContainerRuntimeClient();
  const found = container.getById(readFileSync(files.container, "utf8"));
  const { exitCode, output } = await container.exec(found, ["kong", "reload", "-c", "/etc/kong/kong.conf"]);
  process.stderr.write(output);
  process.exitCode = exitCode;
}

/** Kong with the user, the network and the folders of this process: it finds the socket, the relay and its files as an installed one does. */
async function run(): Promise<void> {
  const folders = new Set([dirname(prefix), dirname(setting("pluginserver_oneapi_socket"))]);
  const signalled = nextSignal();
  const container = await new GenericContainer(KONG_IMAGE)
    .withNetworkMode("host")
    .withUser(`${process.getuid?.()}:${process.getgid?.()}`)
    .withBindMounts([
      ...[...folders].map((path) => ({ source: path, target: path })),
      { source: files.conf, target: "/etc/kong/kong.conf", mode: "ro" },
    ])
    .withEnvironment({
      KONG_PREFIX: prefix,
      KONG_PLUGINSERVER_ONEAPI_QUERY_CMD: `/bin/cat ${files.description}`,
    })
    .withLogConsumer((log) => log.on("data", (part: Buffer) => process.stderr.write(part)))
    .start();
  writeFileSync(files.container, container.getId());
  const signal = await Promise.race([signalled, endOf(container.getId())]);
  await container.stop({ timeout: signal === null ? 0 : STOP_MS[signal] });
  process.exit(signal === null ? 1 : 0);
}

/** Resolves with null when the container does not run any more. */
async function endOf(id: string): Promise<null> {
  const { container } = await getContainerRuntimeClient();
  while ((await container.inspect(container.getById(id))).State.Running) await sleep(LOOK_MS);
  return null;
}

async function nextSignal(): Promise<keyof typeof STOP_MS> {
  const signals = Object.keys(STOP_MS) as (keyof typeof STOP_MS)[];
  return await Promise.race(signals.map((signal) => once(process, signal).then(() => signal)));
}
