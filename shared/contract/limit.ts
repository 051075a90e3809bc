import { z } from "zod";
import { nanoUsd, usdSchema } from "./money.ts";

const rateWindows = ["second", "minute", "hour", "day", "month"] as const;

const count = z
  .int({ error: "must be a whole number, 0 or more" })
  .min(0, { error: "must be a whole number, 0 or more" });

const rate = <Metric extends string>(metric: Metric) =>
  z.strictObject({
    metric: z.literal(metric),
    window: z.enum(rateWindows, { error: `must be one of ${rateWindows.join(", ")}` }),
    amount: count,
  });

/** Gateways count nano-USD in whole numbers below 2^53. */
const LARGEST_SPEND_USD = 9_000_000;

const spend = usdSchema.refine((amount) => nanoUsd(amount) <= nanoUsd(String(LARGEST_SPEND_USD)), {
  error: `must be at most ${LARGEST_SPEND_USD} USD`,
});

const spendWindows = [...rateWindows, "none"] as const;

export const limitSchema = z
  .discriminatedUnion(
    "metric",
    [
      rate("requests"),
      rate("tokens"),
      z.strictObject({
        metric: z.literal("spend"),
        window: z
          .enum(spendWindows, { error: `must be one of ${spendWindows.join(", ")}` })
          .describe("none: a prepaid balance"),
        amount: spend,
      }),
      z.strictObject({ metric: z.literal("concurrency"), amount: count }),
    ],
    { error: "must be one of requests, tokens, spend, concurrency" },
  )
  .meta({
    id: "limit",
    description: "At most `amount` of a metric within each window of UTC; an amount of 0 admits nothing.",
  });

export type LimitSettings = z.output<typeof limitSchema>;

export const limitsSchema = z
  .array(limitSchema, { error: "must be a list of limits" })
  .max(32, { error: "must have at most 32 entries" })
  .default([]);
