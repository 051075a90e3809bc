/**
 * Runs every check of the repository, or with `check` only those that take seconds, and prints the sum on its last line.
 * Each check that is no vitest test counts as one.
 */
import { stat } from "node:fs/promises";
import { findEnvoy } from "../deploy/envoy/binary.ts";
import { buildModule, MODULE } from "../deploy/envoy/module.ts";
import { runTool } from "./setup/command.ts";
import { type Postgres, startPostgres } from "./setup/postgres.ts";
import { provideRedis } from "./setup/redis.ts";
import { runSuites, type Tally } from "./setup/suites.ts";

/** The filter is loaded into every worker of every gateway. */
const MODULE_LIMIT = 350_000;

const log = (text: string) => console.log(text);
const tally: Tally = { passed: 0, failed: 0, skipped: [] };
const failures: string[] = [];

const everything = (process.argv[2] ?? "all") === "all";
await check("format and lint", () => runTool("biome", ["check", "."]));
await check("types of what Node runs", () => runTool("tsc", ["-p", "tsconfig.json"]));
await check("types of the core", () => runTool("tsc", ["-p", "shared/core/tsconfig.json"]));
await check("the filter compiles for debugging", () =>
  runTool("asc", ["index.ts", "--config", "asconfig.json", "--target", "debug"], "envoy-wasm"),
);
await check(`the filter has less than ${MODULE_LIMIT} bytes`, moduleIsSmall);
if (everything) await withServers(() => suites([]));
else await suites(["checks"]);
report();

async function check(name: string, run: () => Promise<boolean>): Promise<void> {
  const started = performance.now();
  const passed = await run().catch((error: Error) => {
    console.error(error.message);
    return false;
  });
  log(`${passed ? "passed" : "FAILED"}: ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  if (passed) tally.passed += 1;
  else {
    tally.failed += 1;
    failures.push(name);
  }
}

async function moduleIsSmall(): Promise<boolean> {
  await buildModule(log);
  const { size } = await stat(MODULE);
  log(`oneapi.wasm has ${size} bytes`);
  return size < MODULE_LIMIT;
}

/** Gives the tests a real Envoy, a real PostgreSQL and a real Redis, as far as this machine lets them be had. */
async function withServers(run: () => Promise<void>): Promise<void> {
  await check("an Envoy to test with", async () => {
    process.env.ENVOY_BIN = await findEnvoy(log);
    return true;
  });
  await provideRedis(log);
  const postgres = process.env.TEST_DATABASE_URL ? null : await privatePostgres();
  const stopAndEnd = (signal: NodeJS.Signals) =>
    void postgres?.stop().finally(() => process.exit(signal === "SIGINT" ? 130 : 143));
  process.once("SIGINT", stopAndEnd).once("SIGTERM", stopAndEnd);
  try {
    await run();
  } finally {
    await postgres?.stop();
  }
}

async function privatePostgres(): Promise<Postgres | null> {
  try {
    const postgres = await startPostgres(log);
    process.env.TEST_DATABASE_URL = postgres.url;
    return postgres;
  } catch (error) {
    // The suites that need it say that they are skipped; this says why.
    log(`no PostgreSQL to test with: ${(error as Error).message}`);
    return null;
  }
}

async function suites(projects: string[]): Promise<void> {
  const found = await runSuites(projects);
  tally.passed += found.passed;
  tally.failed += found.failed;
  tally.skipped.push(...found.skipped);
}

function report(): void {
  for (const name of failures) log(`FAILED: ${name}`);
  for (const { name, reason } of tally.skipped) log(`skipped: ${name}${reason && ` (${reason})`}`);
  log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped.length} skipped`);
  process.exit(tally.failed === 0 ? 0 : 1);
}
