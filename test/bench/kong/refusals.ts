/** What requests leave behind that the plugin refuses: a Kong gets them from anybody. */
import { memoryOf } from "../machine.ts";
import type { KongStand } from "./stand.ts";

/** Resident memory (MiB) of oneapi-kong before, and after each tenth of the calls. */
export type Refusals = { calls: number; seconds: number; memory: number[] };

const PARTS = 10;
const AT_A_TIME = 128;
/** One of so many calls comes with a key that was never seen, which the control service has to be asked about. */
const KEY_LASTS = 40;

export async function measureRefusals(calls: number, stand: KongStand): Promise<Refusals> {
  const memory = [memoryOf(stand.relay.pid)];
  const began = performance.now();
  for (let part = 0; part < PARTS; part++) {
    const offset = part * Math.ceil(calls / PARTS);
    await stand.plugin.refusals(Math.ceil(calls / PARTS), AT_A_TIME, (call) => keyOf(offset + call));
    memory.push(memoryOf(stand.relay.pid));
  }
  return { calls, seconds: (performance.now() - began) / 1_000, memory };
}

/** No key, one that can be none, a guess at one of the service's own, and one that might have been brought. */
function keyOf(call: number): string | null {
  switch (call % 4) {
    case 0:
      return null;
    case 1:
      return "sk-short";
    case 2:
      return `sk-oa-${`${call}`.padStart(38, "0")}`;
    default:
      return `sk-brought-${`${Math.floor(call / KEY_LASTS)}`.padStart(12, "0")}`;
  }
}

/** What came on top between the middle and the end. */
export function growthOf({ memory }: Refusals): number {
  return (memory.at(-1) ?? Number.NaN) - (memory[PARTS / 2] ?? Number.NaN);
}
