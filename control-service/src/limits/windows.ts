import type { LimitWindow } from "@oneapi/contract";

const LENGTHS: Readonly<Record<"second" | "minute" | "hour" | "day", number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** A stretch of time in Unix milliseconds: from its start, up to its end. */
export interface Period {
  readonly start: number;
  /** Null: it never ends. */
  readonly end: number | null;
}

/** The window of a kind that a moment lies in; all are aligned to UTC. */
export function windowAt(window: LimitWindow, now: number): Period {
  if (window === "none") return { start: 0, end: null };
  if (window === "month") {
    const date = new Date(now);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
    return { start: Date.UTC(year, month), end: Date.UTC(year, month + 1) };
  }
  const length = LENGTHS[window];
  const start = now - (now % length);
  return { start, end: start + length };
}
