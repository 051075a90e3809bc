/** What runs on this machine, as far as /proc tells. */
import { readdirSync, readFileSync } from "node:fs";

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resident memory in MiB; 0 where there is no /proc. */
export function memoryOf(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Command lines of processes that hold this text; empty where there is no /proc. */
export function commandsWith(text: string): string[] {
  return processes()
    .map(({ command }) => command)
    .filter((command) => command.includes(text));
}

/** Processes started by this one, and by those, oldest first. */
export function descendants(pid: number): { pid: number; command: string }[] {
  const all = processes();
  const found = all.filter((entry) => entry.parent === pid);
  return found.flatMap((entry) => [entry, ...descendants(entry.pid)]);
}

function processes(): { pid: number; parent: number; command: string }[] {
  return listProc().flatMap((name) => {
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, "utf8"))?.[1];
      return [{ pid: Number(name), parent: Number(parent), command }];
    } catch {
      return []; // It ended while we looked.
    }
  });
}

function listProc(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}
