import { z } from "zod";
import { modelSchema } from "./model.ts";
import { projectSchema } from "./project.ts";
import { providerSchema } from "./provider.ts";
import { userSchema } from "./user.ts";

const MAX_ENTRIES = 10_000;

const section = <Item extends z.ZodType>(item: Item, what: string) =>
  z
    .array(item, { error: `must be a list of ${what}` })
    .max(MAX_ENTRIES, { error: `must have at most ${MAX_ENTRIES} entries` })
    .default([]);

/** The whole of oneapi.yaml. What one field says of another is checked in config-check.ts. */
export const configSchema = z.strictObject(
  {
    version: z.literal(1, { error: "must be 1" }),
    providers: section(providerSchema, "providers"),
    models: section(modelSchema, "models"),
    projects: section(projectSchema, "projects"),
    users: section(userSchema, "users"),
  },
  { error: "must be a map with version, providers, models, projects and users" },
);

/** oneapi.yaml in its normal form: defaults filled in, durations, money and times in one spelling. */
export type Config = z.output<typeof configSchema>;
