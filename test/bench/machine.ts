/** This machine: what it is, how its cores are shared out, and whether others are at work on it. */
import { execFile, execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { checkout } from "../../deploy/checkout.ts";

const run = promisify(execFile);

/** Numbers of cores as `taskset` takes them: one for the gateway that is measured, the others for everything else. */
export type Cores = { gateway: string; rest: string };

/** How to share the cores out; null where there is but one, or no `taskset`. */
export async function findCores(): Promise<Cores | null> {
  const works = await run("taskset", ["-p", `${process.pid}`]).then(
    () => true,
    () => false,
  );
  const [gateway, ...rest] = allowedCores();
  if (!works || gateway === undefined || rest.length === 0) return null;
  return { gateway: `${gateway}`, rest: rest.join(",") };
}

/** The cores that this process may use: a container may have any part of the machine's. */
function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Keeps all threads of a process, and what it starts from now on, on these cores. */
export async function pin(pid: number, cores: string): Promise<void> {
  await run("taskset", ["-a", "-p", "-c", cores, `${pid}`]);
}

/** CPU time (ms) of all threads of a process, by the scheduler's own clock. */
function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const times = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  return times.reduce((sum, time) => sum + Number(time) / 1e6, 0);
}

/** Waits until these processes have done what is left of the last slice; at most some seconds. */
export async function settled(pids: number[]): Promise<void> {
  const deadline = performance.now() + 5_000;
  const used = () => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  let before = used();
  while (performance.now() < deadline) {
    await sleep(40);
    const after = used();
    if (after - before < 4) return;
    before = after;
  }
}

/** Resident memory in MiB. */
export function memoryOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no memory: it has ended`);
  return Number(kilobytes) / 1024;
}

/** How many cores the machine used over a second in which the benchmark itself did nothing. */
export async function coresInUse(): Promise<number> {
  const before = busyTicks();
  await sleep(1_000);
  const after = busyTicks();
  return ((after.busy - before.busy) / (after.all - before.all)) * cpus().length;
}

function busyTicks(): { busy: number; all: number } {
  const line = readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "";
  // user nice system idle iowait irq softirq steal; steal is what a hypervisor gave to others.
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, value) => sum + value, 0);
  return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all };
}

export type Machine = { processor: string; cores: number; memoryGiB: number; kernel: string; node: string };

export function describeMachine(): Machine {
  const memoryGiB = Math.round(totalmem() / 2 ** 30);
  const [first] = cpus();
  return {
    processor: first?.model.trim() || process.arch,
    cores: cpus().length,
    memoryGiB,
    kernel: release(),
    node: process.versions.node,
  };
}

/** The commit that is measured, with `+` when files of the product differ from it. */
export function commit(): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: checkout, encoding: "utf8", stdio: "pipe" }).trim();
  try {
    const product = ["shared/core", "shared/contract", "envoy-wasm", "control-service", "deploy", "test/bench"];
    const changed = git("status", "--porcelain", "--", ...product);
    return git("rev-parse", "--short", "HEAD") + (changed === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}

/** Average number of runnable processes over the last minute. */
export function load(): number {
  return loadavg()[0] ?? 0;
}
