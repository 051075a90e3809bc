import { z } from "zod";
import { nanoUsd, usdSchema } from "./money.ts";

/** Keeps the cost of the largest operation that can be counted (2^31 tokens each way) within a bigint of nano-USD. */
const LARGEST_RATE_USD = 1_000_000;
/** As many tokens as a gateway counts. */
const MOST_TOKENS = 2_147_483_647;
const MOST_TIERS = 8;

const rateSchema = usdSchema.refine((amount) => nanoUsd(amount) <= nanoUsd(String(LARGEST_RATE_USD)), {
  error: `must be at most ${LARGEST_RATE_USD} USD`,
});

const rates = {
  input: rateSchema,
  cached_input: rateSchema.optional().describe("absent: as input"),
  cache_write: rateSchema.optional().describe("absent: as input"),
  output: rateSchema,
  reasoning: rateSchema.optional().describe("output that the model thinks; absent: as output"),
};

const threshold = { error: `must be a whole number from 1 to ${MOST_TOKENS}` };

const tierSchema = z.strictObject(
  {
    above: z
      .int(threshold)
      .min(1, threshold)
      .max(MOST_TOKENS, threshold)
      .describe("a prompt of more tokens is billed at these rates, all of it and its answer"),
    ...rates,
  },
  { error: "must be a map of prices" },
);

const LARGEST_IMAGE_USD = 1000;

export const priceSchema = z
  .strictObject(
    {
      ...rates,
      image: usdSchema
        .refine((amount) => nanoUsd(amount) <= nanoUsd(String(LARGEST_IMAGE_USD)), {
          error: `must be at most ${LARGEST_IMAGE_USD} USD`,
        })
        .optional()
        .describe("USD for each image made, beside what its tokens cost"),
      tiers: z
        .array(tierSchema, { error: "must be a list of tiers" })
        .max(MOST_TIERS, { error: `must have at most ${MOST_TIERS} entries` })
        .refine((tiers) => tiers.every((tier, index) => tier.above > (tiers[index - 1]?.above ?? 0)), {
          error: "must be in rising order of above",
        })
        .optional()
        .describe("other rates for long prompts"),
    },
    { error: "must be a map of prices" },
  )
  .meta({ id: "price", description: "USD per million tokens." });

export type Price = z.output<typeof priceSchema>;
