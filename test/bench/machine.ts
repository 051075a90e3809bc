/** This machine: what it is, and how its cores are shared out. */
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
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

/**
 * What to write before a command so that it runs ahead of all others on its cores; empty where that is not allowed. The load
 * generator and the upstream stand for other machines: they must not wait for a control service that shares their core.
 */
export async function findPrecedence(): Promise<string[]> {
  const precedence = ["chrt", "--rr", "1"];
  const [program = "", ...args] = [...precedence, "true"];
  return await run(program, args).then(
    () => precedence,
    () => [],
  );
}

/** Keeps all threads of a process, and what it starts from now on, on these cores. */
export async function pin(pid: number, cores: string): Promise<void> {
  await run("taskset", ["-a", "-p", "-c", cores, `${pid}`]);
}

/** Lets all threads of a process run as what is started after `precedence` does. */
export async function prefer(pid: number, precedence: string[]): Promise<void> {
  const [program, policy, priority] = precedence;
  if (program !== undefined) await run(program, ["-a", `${policy}`, "-p", `${priority}`, `${pid}`]);
}

/** Resident memory in MiB. */
export function memoryOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no memory: it has ended`);
  return Number(kilobytes) / 1024;
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
    const product = [
      "shared/core",
      "shared/contract",
      "envoy-wasm",
      "kong-plugin",
      "control-service",
      "deploy",
      "test/bench",
    ];
    const changed = git("status", "--porcelain", "--", ...product);
    return git("rev-parse", "--short", "HEAD") + (changed === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}
