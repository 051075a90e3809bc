import { z } from "zod";
import { limitsSchema } from "./limit.ts";
import { usdSchema } from "./money.ts";
import { modelNameSchema, nameSchema } from "./name.ts";

export const MAX_TARGETS = 32;

const wholeNumber = (low: number, high: number) => {
  const error = `must be a whole number from ${low} to ${high}`;
  return z.int({ error }).min(low, { error }).max(high, { error });
};

export const targetSchema = z.strictObject(
  {
    provider: nameSchema,
    /** The model's name at the provider. */
    model: modelNameSchema,
    /** Lower ones are tried first. */
    priority: wholeNumber(0, 1000).default(0),
    /** Share of the calls among targets of one priority. */
    weight: wholeNumber(1, 10_000).default(1),
  },
  { error: "must be a target" },
);

export type Target = z.output<typeof targetSchema>;

/** USD per million tokens. */
export const priceSchema = z.strictObject(
  {
    input: usdSchema,
    /** Absent: as `input`. */
    cached_input: usdSchema.optional(),
    /** Absent: as `input`. */
    cache_write: usdSchema.optional(),
    output: usdSchema,
  },
  { error: "must be a map of prices" },
);

export type Price = z.output<typeof priceSchema>;

/** A public name that clients ask for. */
export const modelSchema = z.strictObject(
  {
    name: modelNameSchema,
    targets: z
      .array(targetSchema, { error: "must be a list of targets" })
      .min(1, { error: "must have at least one target" })
      .max(MAX_TARGETS, { error: `must have at most ${MAX_TARGETS} targets` }),
    /** Further attempts over all targets. */
    retries: wholeNumber(0, 10).default(2),
    /** Absent: from the price table. */
    price: priceSchema.optional(),
    /** What becomes of a field that a target cannot express. */
    unsupported: z.enum(["drop", "reject"], { error: "must be drop or reject" }).default("drop"),
    limits: limitsSchema,
  },
  { error: "must be a model" },
);

export type Model = z.output<typeof modelSchema>;
/** What is stored of a model beside its name and its targets. */
export type ModelSettings = Omit<Model, "name" | "targets">;
