import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const PAUSE_MS = 50;
/** Less CPU time in a pause is housekeeping. */
const IDLE_MS = 4;
const LONGEST_MS = 5_000;

/**
 * The pauses between slices. They let the gateway hand over its records and the control service store them, so that the work
 * of one slice does not fall into the next; and what the machine does meanwhile is the doing of others.
 */
export class Pauses {
  private busyTicks = 0;
  private allTicks = 0;

  /** Waits until these processes have been idle for a pause, or too long. */
  async take(pids: number[]): Promise<void> {
    const deadline = performance.now() + LONGEST_MS;
    for (;;) {
      const [own, machine] = [cpuMs(pids), machineTicks()];
      await sleep(PAUSE_MS);
      if (cpuMs(pids) - own < IDLE_MS) {
        const now = machineTicks();
        this.busyTicks += now.busy - machine.busy;
        this.allTicks += now.all - machine.all;
        return;
      }
      if (performance.now() > deadline) return;
    }
  }

  /** How many cores others used in the pauses, on average. */
  get coresOfOthers(): number {
    return (this.busyTicks / Math.max(this.allTicks, 1)) * availableParallelism();
  }
}

/** CPU time (ms) of all threads of these processes, by the scheduler's own clock. */
export function cpuMs(pids: number[]): number {
  const files = pids.flatMap((pid) => readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`));
  const times = files.map((folder) => Number(readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0]) / 1e6);
  return times.reduce((sum, time) => sum + time, 0);
}

/** Of all cores since the machine's start; what a hypervisor gave to other machines counts as busy. */
function machineTicks(): { busy: number; all: number } {
  const line = readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "";
  // user nice system idle iowait irq softirq steal
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, value) => sum + value, 0);
  return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all };
}
