/**
 * `npm run bench -- kong`: oneapi-kong as it is started beside a Kong. What its relay costs beside the least that a relay in
 * Node can do, how long events are on their way, and what refused requests leave in memory.
 */
import { isMissed, type Measured } from "../figure.ts";
import type { Options } from "../options.ts";
import { type Circumstances, describe, number, tableOf } from "../report.ts";
import { KONG_PHASES, measureKongPhase } from "./phases.ts";
import { growthOf, measureRefusals, type Refusals } from "./refusals.ts";
import { buildKongStand, type KongPlace } from "./stand.ts";
import { measureStreams, type Streams, type Timed } from "./streams.ts";

type KongMeasured = { measured: Measured[]; refusals: Refusals; streams: Streams; coresOfOthers: number };

export type Kong = Circumstances & KongMeasured;

const GROWTH_GOAL_MIB = 5;
/** After fewer V8 is still making itself room. */
const GROWTH_CALLS = 1_000_000;

export async function measureKong(
  { rounds, refusals: calls }: Options,
  place: KongPlace,
  log: (text: string) => void,
): Promise<KongMeasured> {
  const stand = await buildKongStand(place);
  const measured: Measured[] = [];
  for (const phase of KONG_PHASES) {
    log(`kong: ${phase.name}`);
    measured.push(...(await measureKongPhase(phase, rounds, stand)));
  }
  log("kong: refusals");
  const refusals = await measureRefusals(calls, stand);
  log("kong: streams");
  const streams = await measureStreams(rounds, stand);
  stand.plugin.close();
  return { measured, refusals, streams, coresOfOthers: stand.coresOfOthers() };
}

/** Whether a limit is missed that does not depend on the machine's other work. */
export function isKongMissed({ measured, streams }: Kong): boolean {
  return measured.some((one) => one.figure.checked && isMissed(one)) || streams.joined > 0;
}

export function asKongMarkdown({ measured, refusals, streams, ...circumstances }: Kong): string {
  return [
    ...describe("oneapi-kong's relay", circumstances),
    "",
    ...tableOf(measured, "the floor"),
    "",
    "| time | median | 99 of 100 | longest | not above | |",
    "| --- | ---: | ---: | ---: | ---: | --- |",
    ...streams.timed.map(timedRow),
    "",
    `Of ${streams.events} events ${streams.joined} came together with another.`,
    "",
    ...describeRefusals(refusals),
    "",
  ].join("\n");
}

function timedRow({ what, median, p99, most, limit }: Timed): string {
  const verdict = limit === null ? "" : median <= limit ? "within the limit" : "**over the limit**";
  const times = [median, p99, most].map((time) => `${number(time)} ms`);
  return `| ${[what, ...times, limit === null ? "" : `${limit} ms`, verdict].join(" | ")} |`;
}

function describeRefusals(refusals: Refusals): string[] {
  const { calls, seconds, memory } = refusals;
  const growth = growthOf(refusals);
  const verdict =
    calls < GROWTH_CALLS ? "of 1,000,000 requests" : growth <= GROWTH_GOAL_MIB ? "goal reached" : "over the goal";
  return [
    `${calls.toLocaleString("en")} requests without a known key, refused by the plugin in ${number(seconds)} s. Memory before, and after`,
    `each tenth (MiB): ${memory.map((mebibytes) => number(mebibytes)).join(", ")}. Growth in the second half: ${number(growth)} MiB`,
    `(goal ${GROWTH_GOAL_MIB}; ${verdict}).`,
  ];
}
