/**
 * `npm run bench -- ingest`: how fast the control service stores usage records on PostgreSQL, beside a floor on the same server,
 * and what it does when three times as many come.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { ask } from "../../../deploy/ask.ts";
import { ONEAPI } from "../../../deploy/control.ts";
import { HOST } from "../../../deploy/ports.ts";
import { startPostgres } from "../../setup/postgres.ts";
import { freePort } from "../envoys.ts";
import { spread } from "../figure.ts";
import { type Machine, memoryOf } from "../machine.ts";
import type { Processes } from "../processes.ts";
import { number } from "../report.ts";
import type { Sent } from "./senders.ts";

type IngestMeasured = {
  /** Records a second of the floor, and of the service directly after it. */
  pairs: { floor: number; service: number }[];
  overload: {
    /** Records a second that came into being. */
    offered: number;
    stored: number;
    /** Messages that were answered 503, and how many of those did not say when to come again. */
    refused: number;
    unadvised: number;
    /** Records that were acknowledged, and those of them that are not in the ledger. */
    acknowledged: number;
    lost: number;
    /** The most that the service held, and what it held before (MiB). */
    memory: number;
    memoryBefore: number;
  };
  /** The machine's load average over a minute, at the end. */
  load: number;
};

export type Ingest = IngestMeasured & { date: string; commit: string; machine: Machine };

const GOAL = 0.45;
const FLOOR_LIMIT = 0.25;
const MEMORY_GOAL = 300;
const MEMORY_LIMIT = 500;

const GATEWAYS = 16;
const WARM_SECONDS = 1;
const SECONDS = 3;
const OVERLOAD_FACTOR = 3;
const OVERLOAD_GATEWAYS = 500;
const OVERLOAD_SECONDS = 15;
const SAMPLE_MS = 100;

export async function measureIngest(
  rounds: number,
  folder: string,
  processes: Processes,
  log: (text: string) => void,
): Promise<IngestMeasured> {
  const postgres = await startPostgres(log);
  try {
    const { url, token, pid } = await startService(postgres.url, folder, processes);
    const floor = async () => {
      const { records, seconds } = await runProgram<{ records: number; seconds: number }>("floor.ts", [
        postgres.url,
        WARM_SECONDS,
        SECONDS,
      ]);
      return records / seconds;
    };
    const send = (gateways: number, seconds: number, rate: number) =>
      runProgram<Sent>("senders.ts", [url, gateways, WARM_SECONDS, seconds, rate], token);
    const service = async () => {
      const { records, seconds } = await send(GATEWAYS, SECONDS, 0);
      return records / seconds;
    };
    // V8 has not compiled for this kind of work yet.
    await service();
    const pairs: IngestMeasured["pairs"] = [];
    for (let round = 0; round < rounds; round++) pairs.push({ floor: await floor(), service: await service() });

    const offered = OVERLOAD_FACTOR * spread(pairs.map((pair) => pair.service)).median;
    const memoryBefore = memoryOf(pid);
    let memory = memoryBefore;
    const sampler = setInterval(() => {
      memory = Math.max(memory, memoryOf(pid));
    }, SAMPLE_MS);
    const sent = await send(OVERLOAD_GATEWAYS, OVERLOAD_SECONDS, offered).finally(() => clearInterval(sampler));
    const acknowledged = Object.values(sent.acknowledged).reduce((sum, sequence) => sum + sequence, 0);
    const overload = {
      offered,
      stored: sent.records / sent.seconds,
      refused: sent.refused,
      unadvised: sent.unadvised,
      acknowledged,
      lost: acknowledged - (await countStored(postgres.url, sent.acknowledged)),
      memory,
      memoryBefore,
    };
    const load = Number((await readFile("/proc/loadavg", "utf8")).split(" ")[0]);
    return { pairs, overload, load };
  } finally {
    await processes.stop();
    await postgres.stop();
  }
}

async function startService(databaseUrl: string, folder: string, processes: Processes) {
  const port = await freePort();
  const url = `http://${HOST}:${port}`;
  const data = join(folder, "control");
  const args = ["serve", "--host", HOST, "--port", `${port}`, "--data-dir", data, "--log-level", "warn"];
  const command = ["env", `DATABASE_URL=${databaseUrl}`, process.execPath, ...ONEAPI, ...args];
  const service = processes.start("control service", command);
  await service.until(async () => (await ask(`${url}/readyz`))?.status === 200);
  return { url, pid: service.pid, token: await readFile(join(data, "gateway.token"), "utf8") };
}

/** How many records of these gateway processes, up to the number that was acknowledged to each, the ledger has. */
async function countStored(databaseUrl: string, acknowledged: Record<string, number>): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: string }>(
      `select count(distinct operation_id) from usage_records
       join unnest($1::text[], $2::int8[]) as told (epoch, sequence) using (epoch)
       where usage_records.sequence <= told.sequence`,
      [Object.keys(acknowledged), Object.values(acknowledged)],
    );
    return Number(rows[0]?.count);
  } finally {
    await client.end();
  }
}

/** Runs a program of this folder; what it prints is its result. */
async function runProgram<Result>(name: string, args: (string | number)[], input = ""): Promise<Result> {
  const path = fileURLToPath(new URL(name, import.meta.url));
  const stdout = await new Promise<string>((resolve, reject) => {
    const options = { timeout: 120_000, maxBuffer: 2 ** 24 };
    const child = execFile(process.execPath, [path, ...args.map(String)], options, (error, out) => {
      if (error) reject(error);
      else resolve(out);
    });
    child.stdin?.end(input);
  });
  return JSON.parse(stdout) as Result;
}

export function isIngestMissed({ pairs, overload }: IngestMeasured): boolean {
  const { lost, unadvised, memory } = overload;
  return ratio(pairs).median < FLOOR_LIMIT || lost > 0 || unadvised > 0 || memory > MEMORY_LIMIT;
}

function ratio(pairs: IngestMeasured["pairs"]) {
  return spread(pairs.map(({ floor, service }) => service / floor));
}

/** What was measured as a Markdown table. */
export function asIngestMarkdown({ pairs, overload, date, commit, machine, load }: Ingest): string {
  const { lower, median, upper } = ratio(pairs);
  const perSecond = (values: number[]) => `${number(spread(values).median)}/s`;
  const { offered, stored, refused, acknowledged, lost, memory, memoryBefore } = overload;
  const verdict = (isGoal: boolean, isLimit: boolean) =>
    isGoal ? "goal reached" : isLimit ? "within the limit" : "**missed**";
  const rows = [
    [
      "Usage records stored, batches of 100 over HTTP",
      perSecond(pairs.map((pair) => pair.floor)),
      perSecond(pairs.map((pair) => pair.service)),
      `**${number(median)}** (${number(lower)} to ${number(upper)})`,
      `${GOAL}`,
      `not below ${FLOOR_LIMIT}`,
      verdict(median >= GOAL, median >= FLOOR_LIMIT),
    ],
    [
      `At ${OVERLOAD_FACTOR} times that (${number(offered)}/s come, ${number(stored)}/s are stored): memory`,
      `${number(memoryBefore)} MiB before`,
      `${number(memory)} MiB`,
      "",
      `${MEMORY_GOAL}`,
      `not above ${MEMORY_LIMIT}`,
      verdict(memory <= MEMORY_GOAL, memory <= MEMORY_LIMIT),
    ],
    [
      "the same: acknowledged and lost",
      "",
      `${lost} of ${acknowledged}; ${refused} messages were told to come again`,
      "",
      "0",
      "0",
      verdict(lost === 0, lost === 0),
    ],
  ];
  return [
    `${date}, commit ${commit}; ${pairs.length} rounds; load average ${load} (what is measured counts in it).`,
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}.`,
    "",
    "| figure | floor | OneAPI | ratio (quartiles) | goal | limit | |",
    "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ...rows.map((cells) => `| ${cells.join(" | ")} |`),
    "",
    "The floor: rows of a narrow table from Node over arrays of 500, without HTTP or checks; each pair is taken one right after the other.",
    "",
  ].join("\n");
}
