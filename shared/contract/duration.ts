import { z } from "zod";

const UNITS = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;

const LONGEST_MS = 24 * 3_600_000;

/** Reads `500ms`, `2s`, `10m` or `1h` as milliseconds. Only for text that {@link duration} accepted. */
export function milliseconds(text: string): number {
  const match = /^(\d+)(ms|s|m|h)$/.exec(text);
  const unit = UNITS.find(([name]) => name === match?.[2]);
  if (!match || !unit) throw new RangeError(`not a duration: ${text}`);
  return Number(match[1]) * unit[1];
}

/** Writes milliseconds in the largest unit that needs no fraction: 120000 is `2m`. */
export function formatDuration(ms: number): string {
  const [name, size] = UNITS.find(([, size]) => ms % size === 0) ?? ["ms", 1];
  return `${ms / size}${name}`;
}

/** A length of time between 1 ms and 24 hours; its normal form is {@link formatDuration}'s. */
export const durationSchema = z
  .string({ error: "must be a duration like 500ms, 2s or 10m" })
  .regex(/^\d{1,8}(ms|s|m|h)$/, { error: "must be a duration like 500ms, 2s or 10m", abort: true })
  .refine((text) => milliseconds(text) >= 1 && milliseconds(text) <= LONGEST_MS, {
    error: "must be between 1ms and 24h",
    abort: true,
  })
  .transform((text) => formatDuration(milliseconds(text)))
  .meta({ id: "duration", description: "500ms, 2s, 10m or 1h" });
