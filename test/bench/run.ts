/**
 * `npm run bench`: what OneAPI's filter costs, beside a plain Envoy with no filter on the same machine at the same time; what
 * its relay behind a Kong costs, beside the least that a relay can do; and how fast the control service stores usage records,
 * beside a floor.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { findEnvoy } from "../../deploy/envoy/binary.ts";
import { versionOf } from "./envoys.ts";
import { isMissed, type Measured } from "./figure.ts";
import { asIngestMarkdown, type Ingest, isIngestMissed, measureIngest } from "./ingest/ingest.ts";
import { asKongMarkdown, isKongMissed, type Kong, measureKong } from "./kong/kong.ts";
import { measureMemory, measureStart } from "./lifetimes.ts";
import { commit, describeMachine, findCores, findPrecedence } from "./machine.ts";
import { type Options, readOptions, UsageError, usage } from "./options.ts";
import { PHASES } from "./phases.ts";
import { Processes } from "./processes.ts";
import { buildPrograms, NoCompiler } from "./programs.ts";
import { asMarkdown, type Circumstances } from "./report.ts";
import { measurePhase } from "./slices.ts";
import { buildStand, type Stand } from "./stand.ts";

const ENVOY_NAMES = [...PHASES.map(({ name }) => name), "start", "memory"];
const NAMES = [...ENVOY_NAMES, "kong", "ingest"];
const log = (text: string) => process.stderr.write(`bench: ${text}\n`);

/** A signal has ended the run. */
class Stopped extends Error {
  readonly code: number;

  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`stopped by ${signal}`);
    this.code = 128 + constants.signals[signal];
  }
}

process.exitCode = await main(process.argv.slice(2));
// A slice that was stopped in the middle must not hold the shell.
process.exit();

async function main(args: string[]): Promise<number> {
  try {
    // npm runs its scripts in the checkout; the user meant paths from the folder that npm was started in.
    const options = readOptions(args, process.env.INIT_CWD ?? process.cwd(), NAMES);
    if (options !== null) return await bench(options);
    process.stdout.write(usage(NAMES));
    return 0;
  } catch (error) {
    log((error as Error).message);
    if (error instanceof UsageError) process.stderr.write(`\n${usage(NAMES)}`);
    if (error instanceof Stopped) return error.code;
    return error instanceof UsageError || error instanceof NoCompiler ? 2 : 1;
  }
}

async function bench(options: Options): Promise<number> {
  const wanted = (name: string) => options.only.length === 0 || options.only.includes(name);
  const missed: boolean[] = [];
  const results: object[] = [];
  if (ENVOY_NAMES.some(wanted)) {
    const { measured, ...whole } = await benchEnvoy(options);
    process.stdout.write(asMarkdown(measured, whole.envoy, whole));
    missed.push(...measured.map((one) => one.figure.checked && isMissed(one)));
    results.push({ ...whole, measured });
  }
  if (wanted("kong")) {
    const kong = await benchKong(options);
    process.stdout.write(asKongMarkdown(kong));
    missed.push(isKongMissed(kong));
    results.push({ kong });
  }
  if (wanted("ingest")) {
    log("ingest");
    const ingest = await onFolder((folder, processes) => measureIngest(options.rounds, folder, processes, log));
    const whole: Ingest = { ...ingest, date: today(), commit: commit(), machine: describeMachine() };
    process.stdout.write(asIngestMarkdown(whole));
    missed.push(isIngestMissed(whole));
    results.push(whole);
  }
  if (options.json !== null)
    await writeFile(options.json, `${JSON.stringify(Object.assign({}, ...results), null, 2)}\n`);
  return options.check && missed.includes(true) ? 1 : 0;
}

type EnvoyResults = Circumstances & { envoy: string; memoryRequests: number; measured: Measured[] };

async function benchEnvoy(options: Options): Promise<EnvoyResults> {
  const [programs, binary] = await Promise.all([buildPrograms(), findEnvoy(log)]);
  const circumstances = await circumstancesOf(options);
  const { cores, precedence } = circumstances;
  const work = async (stand: Stand) => ({
    measured: await measure(options, stand),
    coresOfOthers: stand.coresOfOthers(),
  });
  const results = await onFolder((folder, processes) =>
    buildStand({ programs, binary, cores, precedence, folder, processes }, log).then(work),
  );
  const { memoryRequests } = options;
  return { ...circumstances, envoy: await versionOf(binary), memoryRequests, ...results };
}

async function benchKong(options: Options): Promise<Kong> {
  const programs = await buildPrograms();
  const circumstances = await circumstancesOf(options);
  const { cores, precedence } = circumstances;
  const results = await onFolder((folder, processes) =>
    measureKong(options, { programs, cores, precedence, folder, processes }, log),
  );
  return { ...circumstances, ...results };
}

async function circumstancesOf({ rounds }: Options): Promise<Omit<Circumstances, "coresOfOthers">> {
  const [cores, precedence] = await Promise.all([findCores(), findPrecedence()]);
  return { date: today(), commit: commit(), machine: describeMachine(), cores, precedence, rounds };
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

/** Work whose processes and files are gone afterwards, also when a signal ends it. */
async function onFolder<Value>(work: (folder: string, processes: Processes) => Promise<Value>): Promise<Value> {
  const folder = await mkdtemp(join(tmpdir(), "oneapi-bench-"));
  const processes = new Processes(folder);
  const stopped = new Promise<never>((_resolve, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => reject(new Stopped(signal)));
  });
  try {
    return await Promise.race([work(folder, processes), stopped]);
  } finally {
    await processes.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure({ rounds, only, memoryRequests }: Options, stand: Stand): Promise<Measured[]> {
  const parts = [
    ...PHASES.map((phase) => ({ name: phase.name, run: () => measurePhase(phase, rounds, stand) })),
    { name: "start", run: () => measureStart(rounds, stand) },
    { name: "memory", run: () => measureMemory(memoryRequests, stand) },
  ];
  const measured: Measured[] = [];
  for (const { name, run } of parts) {
    if (only.length > 0 && !only.includes(name)) continue;
    log(name);
    measured.push(...(await run()));
  }
  return measured;
}
