/**
 * `npm run up`: a control service, gateways (Envoys with the filter, Kongs with the plugin) and, for the demo, a fake
 * provider, kept running until a signal ends them all. Logs go to stderr; stdout gets what the user asked for.
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { certificateAuthorities } from "./certificate-authorities.ts";
import { Control } from "./control.ts";
import { demoKey, quickstart, startFakeProvider } from "./demo.ts";
import { findEnvoy } from "./envoy/binary.ts";
import { gatewayAnswers, startEnvoy } from "./envoy/gateway.ts";
import { buildModule } from "./envoy/module.ts";
import { type Flags, type GatewayKind, readFlags, USAGE, UsageError } from "./flags.ts";
import { startKong } from "./kong/gateway.ts";
import { tryLock } from "./lock.ts";
import type { Part } from "./part.ts";
import { HOST, PortFinder } from "./ports.ts";
import { asJson, asText, type Summary } from "./summary.ts";
import { Supervisor } from "./supervisor.ts";

const log = (text: string) => process.stderr.write(`up: ${text}\n`);

process.exitCode = await main(process.argv.slice(2));
// Whatever is still pending (a question to a process that is gone) must not hold the shell.
process.exit();

async function main(args: string[]): Promise<number> {
  let flags: Flags | null;
  try {
    // npm runs its scripts in the checkout; the user meant paths from the folder that npm was started in.
    flags = readFlags(args, process.env.INIT_CWD ?? process.cwd());
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  if (flags === null) {
    process.stdout.write(USAGE);
    return 0;
  }

  const stop = new AbortController();
  const stopped = new Promise<null>((resolve) => stop.signal.addEventListener("abort", () => resolve(null)));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort());

  const supervisor = new Supervisor(log);
  let code = 0;
  try {
    const summary = await Promise.race([bringUp(flags, supervisor, stop.signal), stopped]);
    if (summary !== null) process.stdout.write(flags.json ? asJson(summary) : asText(summary));
    await stopped;
  } catch (error) {
    log((error as Error).message);
    code = 1;
  }
  await supervisor.stop();
  return code;
}

/** Starts everything and resolves once all of it answers. */
async function bringUp(flags: Flags, supervisor: Supervisor, signal: AbortSignal): Promise<Summary> {
  const { dataDir, databaseUrl, redisUrl } = flags;
  await mkdir(dataDir, { recursive: true });
  if ((await tryLock(`data ${dataDir}`)) === null) {
    throw new Error(`${dataDir} is in use by another \`up\`; choose another folder with --data-dir`);
  }
  const configuration = flags.config === null ? null : await readConfiguration(flags.config);
  const ports = await findPorts(flags);
  const withEnvoy = flags.gateways.includes("envoy");
  const [envoy, wasm, ca] = await Promise.all([
    withEnvoy ? findEnvoy(log, signal) : "",
    withEnvoy ? buildModule(log, signal) : "",
    certificateAuthorities(dataDir),
  ]);

  const key = flags.demo ? await demoKey(dataDir) : null;
  const env: Record<string, string> = key === null ? {} : { ONEAPI_DEMO_KEY: key };
  const [control] = await Promise.all([
    Control.start({ port: ports.control, dataDir, databaseUrl, redisUrl, env }, supervisor),
    flags.demo ? startFakeProvider(ports.provider, supervisor) : null,
  ]);
  if (flags.demo) await control.apply(await quickstart(ports.provider), "quickstart.yaml");
  else if (configuration !== null) await control.apply(configuration, `${flags.config}`);

  const startGateway = async (kind: GatewayKind, node: string, at: GatewayPorts): Promise<Part> => {
    if (kind === "kong") {
      const settings = { node, ...at, dataDir, controlUrl: control.url, token: control.gatewayToken };
      const parts = await startKong({ ...settings, certificateAuthorities: ca }, supervisor);
      await parts.kong.ready(() => gatewayAnswers(at.port, key, 1));
      return parts.plugin;
    }
    const settings = { node, host: HOST, port: at.port, adminPort: at.statusPort, wasm, certificateAuthorities: ca };
    const gateway = { ...settings, control: { host: HOST, port: ports.control }, token: control.gatewayToken };
    const launch = { file: join(dataDir, `${node}.json`), workers: flags.workers };
    const part = await startEnvoy(envoy, gateway, launch, supervisor);
    await part.ready(() => gatewayAnswers(at.port, key, flags.workers));
    return part;
  };
  const gateways = await Promise.all(
    ports.gateways.map(async (at, index) => {
      const kind = flags.gateways[index] ?? "envoy";
      const node = `${kind}-${flags.gateways.slice(0, index + 1).filter((one) => one === kind).length}`;
      const part = await startGateway(kind, node, at);
      log(`${node}: ${kind === "kong" ? "metrics" : "admin interface"} at http://${HOST}:${at.statusPort}`);
      return { kind, base_url: `http://${HOST}:${at.port}/v1`, pid: part.pid ?? 0 };
    }),
  );
  return {
    gateways,
    admin_url: control.url,
    admin_token: control.adminToken,
    demo_key: key,
    control_pid: control.part.pid ?? 0,
    dataDir,
  };
}

async function readConfiguration(file: string): Promise<string> {
  return await readFile(file, "utf8").catch((error: Error) => {
    throw new Error(`--config ${file} cannot be read: ${error.message}`);
  });
}

/** `relayPort` is for Kong alone; `statusPort` is that of Envoy's admin interface, or of the plugin server's metrics. */
type GatewayPorts = { port: number; statusPort: number; relayPort: number };

async function findPorts(flags: Flags) {
  const finder = new PortFinder();
  try {
    const gateways: GatewayPorts[] = [];
    for (const index of flags.gateways.keys()) {
      const port = index === 0 ? await finder.find(flags.port, "--port") : await finder.find(0);
      gateways.push({ port, statusPort: await finder.find(0), relayPort: await finder.find(0) });
    }
    const control = await finder.find(flags.controlPort, "--control-port");
    return { gateways, control, provider: await finder.find(0) };
  } finally {
    await finder.release();
  }
}
