import { compared, type Measured, spread } from "./figure.ts";
import type { Cores, Machine } from "./machine.ts";

export type Circumstances = {
  date: string;
  commit: string;
  envoy: string;
  machine: Machine;
  cores: Cores | null;
  rounds: number;
  memoryRequests: number;
  /** Cores that others used just before and just after. */
  othersBefore: number;
  othersAfter: number;
};

/** Above this part of a core, used by others, figures are not to be trusted to the second digit. */
const QUIET = 0.1;

/** A Markdown table of all figures, and what one must know to read it. */
export function asMarkdown(measured: Measured[], circumstances: Circumstances): string {
  const head = [
    "| figure | plain Envoy | OneAPI | compared | quartiles | goal | not above | |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
  ];
  return [...describe(circumstances), "", ...head, ...measured.map(row), "", ...NOTES, ""].join("\n");
}

const NOTES = [
  "Compared: how many times plain Envoy's value, or with + what OneAPI adds to it; median of pairs taken one right after the",
  "other. The two values themselves are medians too. Limits marked * are held by `--check`.",
];

function row(one: Measured): string {
  const { what, unit, goal, limit, checked } = one.figure;
  const plain = spread(one.pairs.map((pair) => pair.plain)).median;
  const oneapi = spread(one.pairs.map((pair) => pair.oneapi)).median;
  const { lower, median, upper } = compared(one);
  const sign = one.figure.compare === "difference" ? "+" : "";
  const suffix = one.figure.compare === "difference" ? ` ${unit}` : "";
  const range = one.pairs.length > 1 ? `${number(lower)} to ${number(upper)}` : "";
  const cells = [
    what,
    `${number(plain)} ${unit}`,
    `${number(oneapi)} ${unit}`,
    `**${sign}${number(median)}${suffix}**`,
    range,
    `${goal}`,
    limit === null ? "" : `${limit}${checked ? " *" : ""}`,
    verdict(one),
  ];
  return `| ${cells.join(" | ")} |`;
}

function verdict(one: Measured): string {
  const { goal, limit } = one.figure;
  const { median } = compared(one);
  if (median <= goal) return "goal reached";
  if (isMissed(one)) return "**over the limit**";
  return limit === null ? "over the goal" : "within the limit";
}

/** Whether the median is above the limit. */
export function isMissed(one: Measured): boolean {
  const { limit } = one.figure;
  return limit !== null && compared(one).median > limit;
}

function describe(circumstances: Circumstances): string[] {
  const { date, commit, envoy, machine, cores, rounds, othersBefore, othersAfter } = circumstances;
  const { processor, memoryGiB, kernel, node } = machine;
  const where =
    cores === null
      ? "**Nothing was pinned to cores (one core only, or no `taskset`): Envoy shared them with the load generator.**"
      : `Envoy alone on core ${cores.gateway}, everything else on ${cores.rest}.`;
  const others = Math.max(othersBefore, othersAfter);
  const busy =
    others > QUIET
      ? `**The machine was busy: others used ${number(othersBefore)} cores before and ${number(othersAfter)} after.**`
      : "The machine was otherwise idle.";
  return [
    `${date}, commit ${commit}; Envoy ${envoy} with 1 worker; ${rounds} rounds.`,
    `${processor}, ${machine.cores} cores, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}.`,
    where,
    busy,
  ];
}

/** Three digits that count, and never more than two after the point. */
function number(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}
