/** The test stand: an upstream, a plain Envoy before it, and OneAPI before it as a user starts it. */
import { join } from "node:path";
import { certificateAuthorities } from "../../deploy/certificate-authorities.ts";
import { bootstrap } from "../../deploy/envoy/bootstrap.ts";
import { buildModule } from "../../deploy/envoy/module.ts";
import { HOST } from "../../deploy/ports.ts";
import { EnvoyStarter, type Gateway, plainConfig, type StartedEnvoy } from "./envoys.ts";
import { Load } from "./load.ts";
import { type Cores, pin } from "./machine.ts";
import { Pauses } from "./pauses.ts";
import type { Processes } from "./processes.ts";
import type { Programs } from "./programs.ts";
import { startUp } from "./up.ts";
import { Upstream } from "./upstream.ts";

export type Stand = {
  upstream: Upstream;
  load: Load;
  plain: Gateway;
  oneapi: Gateway;
  /** Envoys with a life of their own; OneAPI's ask the same control service. */
  startPlain(): Promise<StartedEnvoy>;
  startOneapi(): Promise<StartedEnvoy>;
  /** To be called between slices. */
  pause(): Promise<void>;
  /** How many cores others used meanwhile, on average. */
  coresOfOthers(): number;
};

/** What a stand is built from; `folder` takes everything that is written during the run. */
export type Place = {
  programs: Programs;
  /** The Envoy to run. */
  binary: string;
  cores: Cores | null;
  /** Before the commands of the load generator and the upstream. */
  precedence: string[];
  folder: string;
  processes: Processes;
};

export async function buildStand(place: Place, log: (text: string) => void): Promise<Stand> {
  const { programs, binary, cores, precedence, folder, processes } = place;
  // What is started from now on stays off the gateways' core.
  if (cores !== null) await pin(process.pid, cores.rest);
  const wasm = await buildModule(log);
  const upstream = await Upstream.create([...precedence, programs.upstream], processes);
  await upstream.go({ events: 2, gapUs: 0 });
  const { gateway: oneapi, control } = await startUp("envoy", folder, upstream.port, processes);
  if (cores !== null) await pin(oneapi.pid, cores.gateway);

  const starter = new EnvoyStarter(binary, cores, folder, processes);
  const authorities = await certificateAuthorities(join(folder, "data"));
  const pauses = new Pauses();
  let started = 0;
  const startPlain = () => starter.start(`plain-${++started}`, (port) => plainConfig(port, upstream.port));
  const startOneapi = () => {
    const node = `oneapi-${++started}`;
    const settings = { node, host: HOST, wasm, certificateAuthorities: authorities, token: control.token };
    const address = { host: HOST, port: control.port };
    return starter.start(node, (port) => bootstrap({ ...settings, port, adminPort: 0, control: address }));
  };
  return {
    upstream,
    load: new Load([...precedence, programs.load], folder),
    plain: await startPlain(),
    oneapi,
    startPlain,
    startOneapi,
    pause: () => pauses.take([control.pid, oneapi.pid]),
    coresOfOthers: () => pauses.coresOfOthers,
  };
}
