import { z } from "zod";
import { capabilitiesSchema } from "./capabilities.ts";
import { limitsSchema } from "./limit.ts";
import { modelNameSchema, nameSchema } from "./name.ts";
import { priceSchema } from "./price.ts";

export const MAX_TARGETS = 32;

const wholeNumber = (low: number, high: number) => {
  const error = `must be a whole number from ${low} to ${high}`;
  return z.int({ error }).min(low, { error }).max(high, { error });
};

export const targetSchema = z
  .strictObject(
    {
      provider: nameSchema,
      model: modelNameSchema.describe("the model's name at the provider"),
      priority: wholeNumber(0, 1000).default(0).describe("lower ones are tried first"),
      weight: wholeNumber(1, 10_000).default(1).describe("share of the calls among targets of one priority"),
      capabilities: capabilitiesSchema.optional().describe("laid over the provider's and the catalog's"),
    },
    { error: "must be a target" },
  )
  .meta({ id: "target", description: "A provider's model that can serve." });

export type Target = z.output<typeof targetSchema>;

export const modelSchema = z
  .strictObject(
    {
      name: modelNameSchema,
      targets: z
        .array(targetSchema, { error: "must be a list of targets" })
        .min(1, { error: "must have at least one target" })
        .max(MAX_TARGETS, { error: `must have at most ${MAX_TARGETS} targets` }),
      retries: wholeNumber(0, 10).default(2).describe("further attempts over all targets"),
      price: priceSchema.optional().describe("absent: from the price table"),
      unsupported: z
        .enum(["drop", "reject"], { error: "must be drop or reject" })
        .default("drop")
        .describe("what becomes of a field that a target cannot express"),
      limits: limitsSchema,
    },
    { error: "must be a model" },
  )
  .meta({ id: "model", description: "A public name that clients ask for." });

export type Model = z.output<typeof modelSchema>;
/** What is stored of a model beside its name and its targets. */
export type ModelSettings = Omit<Model, "name" | "targets">;
