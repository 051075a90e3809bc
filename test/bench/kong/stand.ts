/** The test stand of the relay: an upstream, the floor before it, and a OneAPI with Kong as a user starts it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Gateway, KEYS } from "../envoys.ts";
import { Load } from "../load.ts";
import { type Cores, pin, prefer } from "../machine.ts";
import { Pauses } from "../pauses.ts";
import type { Processes } from "../processes.ts";
import type { Programs } from "../programs.ts";
import { startUp } from "../up.ts";
import { Upstream } from "../upstream.ts";
import { PluginClient } from "./tickets.ts";

export type KongStand = {
  upstream: Upstream;
  load: Load;
  floor: Gateway;
  /** The relay of oneapi-kong; `pid` is of the whole process, the plugin's side too. */
  relay: Gateway;
  plugin: PluginClient;
  /** To be called between slices. */
  pause(): Promise<void>;
  coresOfOthers(): number;
};

export type KongPlace = {
  programs: Programs;
  cores: Cores | null;
  precedence: string[];
  folder: string;
  processes: Processes;
};

export async function buildKongStand({
  programs,
  cores,
  precedence,
  folder,
  processes,
}: KongPlace): Promise<KongStand> {
  // What is started from now on stays off the core of what is measured.
  if (cores !== null) await pin(process.pid, cores.rest);
  const upstream = await Upstream.create([...precedence, programs.upstream], processes);
  await upstream.go({ events: 2, gapUs: 0 });
  const { gateway, control, dataDir } = await startUp("kong", folder, upstream.port, processes);
  const floor = await startFloor(upstream.port, processes);
  for (const { pid } of [gateway, floor]) {
    if (cores !== null) await pin(pid, cores.gateway);
    // What else runs on that core would show as the time that an event takes.
    await prefer(pid, precedence);
  }
  const { socket, relayPort } = await placesOf(dataDir);
  const pauses = new Pauses();
  return {
    upstream,
    load: new Load([...precedence, programs.load], folder),
    floor,
    relay: { port: relayPort, pid: gateway.pid },
    plugin: new PluginClient(socket),
    pause: () => pauses.take([control.pid, gateway.pid]),
    coresOfOthers: () => pauses.coresOfOthers,
  };
}

async function startFloor(upstreamPort: number, processes: Processes): Promise<Gateway> {
  const program = fileURLToPath(new URL("floor.ts", import.meta.url));
  const floor = processes.start("floor", [process.execPath, program, `${upstreamPort}`, KEYS.unlimited]);
  return { port: Number(await floor.firstLine(10_000)), pid: floor.pid };
}

/** Where its Kong finds the plugin and the relay, as it is told. */
async function placesOf(dataDir: string): Promise<{ socket: string; relayPort: number }> {
  const conf = await readFile(join(dataDir, "kong-1.conf"), "utf8");
  const yaml = await readFile(join(dataDir, "kong-1.yml"), "utf8");
  const socket = /^pluginserver_oneapi_socket = (.*)$/m.exec(conf)?.[1];
  const relayPort = /^ +url: http:\/\/.*:(\d+)$/m.exec(yaml)?.[1];
  if (socket === undefined || relayPort === undefined) throw new Error("up names neither socket nor relay");
  return { socket, relayPort: Number(relayPort) };
}
