import { compared, isMissed, type Measured, spread } from "./figure.ts";
import type { Cores, Machine } from "./machine.ts";

/** Where and when it was measured. */
export type Circumstances = {
  date: string;
  commit: string;
  machine: Machine;
  cores: Cores | null;
  /** Empty: the load generator and the upstream had to wait for whatever else ran on their cores. */
  precedence: string[];
  rounds: number;
  /** Cores that other processes, and other machines of a hypervisor, used meanwhile. */
  coresOfOthers: number;
};

/** Above this part of a core, used by others, figures are not to be trusted to the second digit. */
const QUIET = 0.1;

/** A Markdown table of all figures beside plain Envoy's, and what one must know to read it. */
export function asMarkdown(measured: Measured[], envoy: string, circumstances: Circumstances): string {
  const lines = [...describe(`Envoy ${envoy} with 1 worker`, circumstances), "", ...tableOf(measured, "plain Envoy")];
  return [...lines, ""].join("\n");
}

/** The figures beside those of `base`, and how to read them. */
export function tableOf(measured: Measured[], base: string): string[] {
  return [
    `| figure | ${base} | OneAPI | compared | quartiles | goal | not above | |`,
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ...measured.map(row),
    "",
    `Compared: how many times the value of ${base}, or with + what OneAPI adds to it; median of pairs taken one right after the`,
    "other. The two values themselves are medians too. Limits marked * are held by `--check`.",
    `A figure that says \`to …\` has that in the place of ${base}.`,
  ];
}

function row(one: Measured): string {
  const { what, unit, goal, limit, checked } = one.figure;
  const plain = spread(one.pairs.map((pair) => pair.plain)).median;
  const oneapi = spread(one.pairs.map((pair) => pair.oneapi)).median;
  const { lower, median, upper } = compared(one);
  const difference = `${median < 0 ? "" : "+"}${number(median)} ${unit}`;
  const range = one.pairs.length > 1 ? `${number(lower)} to ${number(upper)}` : "";
  const cells = [
    what,
    `${number(plain)} ${unit}`,
    `${number(oneapi)} ${unit}`,
    `**${one.figure.compare === "ratio" ? number(median) : difference}**`,
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

/** `what`: is measured, in a few words. */
export function describe(what: string, circumstances: Circumstances): string[] {
  const { date, commit, machine, cores, precedence, rounds, coresOfOthers } = circumstances;
  const { processor, memoryGiB, kernel, node } = machine;
  const where =
    cores === null
      ? "**Nothing was pinned to cores (one core only, or no `taskset`): all shared them with the load generator.**"
      : `What is measured alone on core ${cores.gateway}, everything else on ${cores.rest}.`;
  const tails =
    precedence.length > 0 ? [] : ["The load generator may not run ahead of the control service: p99 is too high."];
  const busy =
    coresOfOthers > QUIET
      ? `**The machine was busy: others used ${number(coresOfOthers)} of its cores meanwhile.**`
      : `The machine was otherwise idle (${number(coresOfOthers)} cores used by others).`;
  return [
    `${date}, commit ${commit}; ${what}; ${rounds} rounds.`,
    `${processor}, ${machine.cores} cores, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}.`,
    where,
    ...tails,
    busy,
  ];
}

/** Three digits that count, and never more than two after the point. */
export function number(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}
