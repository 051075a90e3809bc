/**
 * `npm run up`: a control service, Envoys with the filter and, for the demo, a fake provider, kept running until a signal
 * ends them all. Logs go to stderr; stdout gets what the user asked for.
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { certificateAuthorities } from "./certificate-authorities.ts";
import { Control } from "./control.ts";
import { demoKey, quickstart, startFakeProvider } from "./demo.ts";
import { findEnvoy } from "./envoy/binary.ts";
import { gatewayAnswers, startEnvoy } from "./envoy/gateway.ts";
import { buildModule } from "./envoy/module.ts";
import { type Flags, readFlags, USAGE, UsageError } from "./flags.ts";
import { tryLock } from "./lock.ts";
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
  const [envoy, wasm, ca] = await Promise.all([
    findEnvoy(log, signal),
    buildModule(log, signal),
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

  const gateways = await Promise.all(
    ports.gateways.map(async ({ port, adminPort }, index) => {
      const node = `envoy-${index + 1}`;
      const settings = { node, host: HOST, port, adminPort, wasm, certificateAuthorities: ca };
      const gateway = { ...settings, control: { host: HOST, port: ports.control }, token: control.gatewayToken };
      const launch = { file: join(dataDir, `${node}.json`), workers: flags.workers };
      const part = await startEnvoy(envoy, gateway, launch, supervisor);
      await part.ready(() => gatewayAnswers(port, key, flags.workers));
      log(`${node}: admin interface at http://${HOST}:${adminPort}`);
      return { kind: "envoy" as const, base_url: `http://${HOST}:${port}/v1`, pid: part.pid ?? 0 };
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

async function findPorts(flags: Flags) {
  const finder = new PortFinder();
  try {
    const gateways = [];
    for (const index of flags.gateways.keys()) {
      const port = index === 0 ? await finder.find(flags.port, "--port") : await finder.find(0);
      gateways.push({ port, adminPort: await finder.find(0) });
    }
    const control = await finder.find(flags.controlPort, "--control-port");
    return { gateways, control, provider: await finder.find(0) };
  } finally {
    await finder.release();
  }
}
