import type { Entry } from "./counters.ts";

/** A limit of which less than this part is free is near: there only what is needed now is granted. */
const EDGE_PARTS = 5;

/** The units of a counter in one window. */
export interface Stock {
  /** Granted to all holders together. */
  readonly total: number;
  /** Granted to the holder that asks. */
  readonly held: number;
  /** How many holders are alive, itself included. */
  readonly holders: number;
}

export interface Decision {
  readonly granted: number;
  readonly edge: boolean;
  /** Operations wait for more than this. */
  readonly unmet: boolean;
}

/**
 * How much of a counter a holder is granted. It keeps what it claims of its old grant, and always what it has used: an
 * operation that used more than was reserved for it has done so. redis/claim.lua decides by the same rule.
 */
export function decide(entry: Entry, { total, held, holders }: Stock): Decision {
  const used = entry.spent + entry.reserved;
  const claim = used + entry.need + entry.keep;
  const floor = Math.max(used, Math.min(held, claim));
  if (!entry.current) return { granted: floor, edge: false, unmet: false };
  const free = Math.max(0, entry.amount - (total - held) - floor);
  const needed = Math.max(0, used + entry.need - floor);
  const far = free * EDGE_PARTS > entry.amount;
  const share = far ? Math.max(needed, Math.floor(free / (2 * holders))) : needed;
  const granted = floor + Math.min(claim - floor, share, free);
  return { granted, edge: !far, unmet: granted < used + entry.need };
}
