import { parseCounterId } from "@oneapi/contract";
import type { Kysely } from "kysely";
import type { Source } from "../ledger/source.ts";
import type { Tables } from "../store/tables.ts";
import type { Share } from "./counters.ts";
import { recordedUse } from "./recorded-use.ts";
import { windowAt } from "./windows.ts";

/** The gateway process that holds leases, as counters name it. */
export function holderOf({ node, epoch }: Source): string {
  // An epoch is hexadecimal, so the first @ ends it.
  return `${epoch}@${node}`;
}

function sourceOf(holder: string): Source {
  const at = holder.indexOf("@");
  return { node: holder.slice(at + 1), epoch: holder.slice(0, at) };
}

/**
 * What a share of a holder that is gone shrinks to. What it did since its last report is unknown. A window of an hour or
 * less ends soon and keeps all that was granted, so that the limit holds whatever happened; in longer ones that would
 * take too much from the others, so what was reported or recorded counts. A balance is what the records make it, though
 * more was reported: what died with its holder before it was recorded is billed to nobody. Slots are free again.
 */
export async function remains(database: Kysely<Tables>, holder: string, share: Share, now: number): Promise<Share> {
  const counter = parseCounterId(share.counter);
  if (counter === null || counter.metric === "concurrency") return { ...share, granted: 0, spent: 0, reserved: 0 };
  const { window } = counter;
  if (window === "second" || window === "minute" || window === "hour") {
    return { ...share, spent: share.granted, reserved: 0 };
  }
  const period = window === "none" ? windowAt("none", now) : windowAt(window, share.window);
  const recorded = await recordedUse(database, counter, sourceOf(holder), period);
  const used = window === "none" ? recorded : Math.max(share.spent, recorded);
  return { ...share, granted: used, spent: used, reserved: 0 };
}
