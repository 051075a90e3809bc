import { z } from "zod";
import { durationSchema, formatDuration } from "./duration.ts";
import { projectKeySchema } from "./key.ts";
import { DEFAULT_ADMISSION_WAIT_MS } from "./lease.ts";
import { limitsSchema } from "./limit.ts";
import { modelNameSchema, modelPatternsSchema, nameSchema } from "./name.ts";
import { priceSchema } from "./price.ts";

const MAX_PRICES = 1000;

const projectPriceSchema = z.strictObject(
  { model: modelNameSchema.describe("the model's public name"), price: priceSchema },
  { error: "must be a model and its price" },
);

export const projectSchema = z
  .strictObject(
    {
      name: nameSchema,
      models: modelPatternsSchema.default(["*"]),
      limits: limitsSchema,
      prices: z
        .array(projectPriceSchema, { error: "must be a list of models and their prices" })
        .max(MAX_PRICES, { error: `must have at most ${MAX_PRICES} entries` })
        .default([])
        .describe("what models cost this project; they take the place of the models' own prices and of list prices"),
      accounting: z
        .enum(["leased", "strict"], { error: "must be leased or strict" })
        .default("leased")
        .describe("strict: each operation is opened before the upstream call and ends once its record is stored"),
      on_control_loss: z
        .enum(["fail_closed", "fail_open"], { error: "must be fail_closed or fail_open" })
        .default("fail_closed"),
      unpriced: z
        .enum(["reject", "allow"], { error: "must be reject or allow" })
        .default("reject")
        .describe("whether models without a price may be used under a limit of spend, which then does not count them"),
      admission_wait: durationSchema
        .default(formatDuration(DEFAULT_ADMISSION_WAIT_MS))
        .describe("how long an operation may wait for a part of a limit that lies idle on another gateway"),
      keys: z.array(projectKeySchema, { error: "must be a list of keys" }).default([]),
    },
    { error: "must be a project" },
  )
  .meta({ id: "project", description: "A tenant's unit of policy and billing." });

export type Project = z.output<typeof projectSchema>;
/** What is stored of a project beside its name and its keys. */
export type ProjectSettings = Omit<Project, "name" | "keys">;
