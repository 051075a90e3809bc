export type Figure = {
  what: string;
  unit: "µs" | "ms" | "MiB" | "s";
  /** OneAPI's value over that of what it is compared with (plain Envoy, or a floor), or what OneAPI adds to it. */
  compare: "ratio" | "difference";
  goal: number;
  /** Not above. */
  limit: number | null;
  /** Whether `--check` holds the limit. */
  checked: boolean;
};

/** A value of plain Envoy, or of a floor, and the one of OneAPI taken directly after it. */
export type Pair = { plain: number; oneapi: number };

export type Measured = { figure: Figure; pairs: Pair[] };

/** Median and quartiles. */
export type Spread = { lower: number; median: number; upper: number };

export function compared({ figure, pairs }: Measured): Spread {
  return spread(pairs.map(({ plain, oneapi }) => (figure.compare === "ratio" ? oneapi / plain : oneapi - plain)));
}

/** Whether the median is above the limit. */
export function isMissed(measured: Measured): boolean {
  const { limit } = measured.figure;
  return limit !== null && compared(measured).median > limit;
}

export function spread(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { lower: quantile(sorted, 0.25), median: quantile(sorted, 0.5), upper: quantile(sorted, 0.75) };
}

/** Of values in rising order. Between two of them it takes what lies on the line between. */
export function quantile(sorted: number[], part: number): number {
  const at = part * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}
