/** One list of scenarios, two official SDKs, every kind of provider, one gateway; what came of it is docs/providers.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { providerKinds } from "@oneapi/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job, Outcome } from "./job.ts";
import { KEY, KINDS, type SdkWorld, startSdkWorld } from "./kinds.ts";
import { matrix } from "./matrix.ts";
import { pythonSdk, runPythonJobs } from "./python.ts";
import { runJobs } from "./runner.ts";
import { differences, jobOf, type Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";

const DOCS = fileURLToPath(new URL("../../../docs/providers.md", import.meta.url));

const TITLED = SCENARIOS.map((scenario): [string, Scenario] => [
  `${scenario.cell.join(", ")}: ${scenario.name}`,
  scenario,
]);

let world: SdkWorld;
beforeAll(async () => {
  world = await startSdkWorld();
});
afterAll(() => world?.stop());

const workOf = (jobs: Job[]) => ({ baseUrl: world.gateway.baseUrl, key: KEY, jobs });
const jobsOf = (scenario: Scenario) => KINDS.map((kind) => jobOf(scenario, kind, world.upstreamOf(kind).url));

/** What differs from the expectation, by kind of provider. */
function found(scenario: Scenario, outcomes: Outcome[][]): Record<string, string[]> {
  const all = KINDS.map(({ name }, index) => {
    const expected = scenario.except?.[name]?.expect ?? scenario.expect;
    return [name, differences(outcomes[index] ?? [], expected)] as const;
  });
  return Object.fromEntries(all.filter(([, differing]) => differing.length > 0));
}

/** What Gemini got back of the signatures that it gave its calls: a plain SDK knows nothing of them. */
function signaturesGiven(): string[] {
  const gemini = KINDS.find(({ kind }) => kind === "gemini");
  if (gemini === undefined) return [];
  const requests = world.upstreamOf(gemini).log();
  return requests.flatMap(({ raw }) =>
    [...raw.matchAll(/"thoughtSignature":"([^"]*)"/g)].map((match) => match[1] ?? ""),
  );
}

function expectSignatures(): void {
  expect(signaturesGiven()).not.toEqual([]);
  // The fake knows its own; this word would be taken as well.
  expect(signaturesGiven()).not.toContain("skip_thought_signature_validator");
}

it("every kind of provider has a row", () => {
  expect([...new Set(KINDS.map(({ kind }) => kind))].sort()).toEqual([...providerKinds].sort());
});

describe("the SDK of Node", () => {
  const failed = new Map<Scenario, Record<string, string[]>>();

  it.each(TITLED)("%s", async (_, scenario) => {
    const differing = found(scenario, await runJobs(workOf(jobsOf(scenario))));
    failed.set(scenario, differing);
    expect(differing).toEqual({});
  });

  it("brings Gemini its thought signatures back", expectSignatures);

  it("finds what docs/providers.md says", () => {
    const page = matrix((scenario, kind) => failed.get(scenario)?.[kind] === undefined);
    if (process.env.UPDATE_DOCS !== undefined) writeFileSync(DOCS, page);
    expect(readFileSync(DOCS, "utf8"), "run again with UPDATE_DOCS=1").toBe(page);
  });
});

describe("the SDK of Python", () => {
  let missing: string | null = null;
  let outcomes: Outcome[][] = [];
  beforeAll(async () => {
    const folder = await pythonSdk().catch((problem: Error) => {
      missing = problem.message;
      return null;
    });
    for (const kind of KINDS) world.upstreamOf(kind).clearLog();
    // One process for all: most of its time goes into loading the SDK.
    if (folder !== null) outcomes = await runPythonJobs(folder, workOf(SCENARIOS.flatMap(jobsOf)));
  }, 600_000);

  it.for(TITLED)("%s", ([, scenario], context) => {
    if (missing !== null) return context.skip(missing);
    const from = SCENARIOS.indexOf(scenario) * KINDS.length;
    expect(found(scenario, outcomes.slice(from, from + KINDS.length))).toEqual({});
  });

  it("brings Gemini its thought signatures back", (context) => {
    if (missing !== null) return context.skip(missing);
    expectSignatures();
  });
});
