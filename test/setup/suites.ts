import { startVitest, type TestCase, type TestModule, type TestSuite } from "vitest/node";
import { checkout } from "../../deploy/checkout.ts";

export type Skip = { name: string; reason: string };
export type Tally = { passed: number; failed: number; skipped: Skip[] };

/** Runs the projects of test/vitest.config.ts (all when none is named) and counts what came of each test. */
export async function runSuites(projects: string[]): Promise<Tally> {
  const options = { config: "test/vitest.config.ts", root: checkout, run: true, watch: false, passWithNoTests: true };
  const vitest = await startVitest("test", [], { ...options, ...(projects.length > 0 && { project: projects }) });
  const tally: Tally = { passed: 0, failed: vitest.state.getUnhandledErrors().length, skipped: [] };
  for (const module of vitest.state.getTestModules()) {
    tally.failed += failuresOutsideTests(module);
    for (const test of module.children.allTests()) count(test, tally);
  }
  await vitest.close();
  return tally;
}

function count(test: TestCase, tally: Tally): void {
  const result = test.result();
  if (result.state === "passed") tally.passed += 1;
  // Pending: the run ended before the test did.
  else if (result.state === "failed" || result.state === "pending") tally.failed += 1;
  else tally.skipped.push({ name: `${test.module.relativeModuleId}: ${test.fullName}`, reason: result.note ?? "" });
}

/** Files that could not be loaded, and hooks that failed: no test carries these. */
function failuresOutsideTests(module: TestModule): number {
  const suites: (TestModule | TestSuite)[] = [module, ...module.children.allSuites()];
  return suites.filter((suite) => suite.errors().length > 0).length;
}
