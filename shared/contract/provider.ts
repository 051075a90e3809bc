import { z } from "zod";
import { baseUrlSchema } from "./base-url.ts";
import { capabilitiesSchema } from "./capabilities.ts";
import { durationSchema } from "./duration.ts";
import { limitsSchema } from "./limit.ts";
import { modelNameSchema, nameSchema } from "./name.ts";
import { type ProviderKind, providerKinds } from "./provider-kind.ts";
import { credentialSchema } from "./secret.ts";

const version = z
  .string({ error: "must be text like 2024-10-21" })
  .regex(/^[A-Za-z0-9._-]{1,64}$/, { error: "must be text like 2024-10-21" });

const yesOrNo = z.boolean({ error: "must be true or false" });

const deployment = z
  .string({ error: "must be the name of a deployment" })
  .regex(/^[A-Za-z0-9._-]{1,128}$/, { error: "must be the name of a deployment" });

/** Options of all kinds; {@link optionsOf} says which kind knows which. */
const optionsSchema = z
  .strictObject(
    {
      api_version: version.describe("azure; absent: its v1 path"),
      deployments: z
        .record(modelNameSchema, deployment, { error: "must map models to deployments" })
        .describe("azure: upstream model to deployment"),
      anthropic_version: version.describe("anthropic: the header of this name"),
      mode: z
        .enum(["native", "compatible"], { error: "must be native or compatible" })
        .describe("dashscope: its own protocol, or the one like OpenAI's"),
      incremental: yesOrNo.describe("dashscope native: incremental_output"),
      auth: z.enum(["bearer", "jwt"], { error: "must be bearer or jwt" }).describe("zhipu"),
      include_usage: yesOrNo.describe("false: never send stream_options, for servers that refuse it"),
    },
    { error: "must be a map of options" },
  )
  .partial();

export type ProviderOptions = z.output<typeof optionsSchema>;

type OptionNames = readonly (keyof ProviderOptions)[];

/** Of the kinds that have others than servers of OpenAI's wire format. */
const OPTIONS: Readonly<Partial<Record<ProviderKind, OptionNames>>> = {
  azure: ["api_version", "deployments", "include_usage"],
  anthropic: ["anthropic_version"],
  gemini: [],
  dashscope: ["mode", "incremental", "include_usage"],
  zhipu: ["auth", "include_usage"],
};

/** The options that this kind knows. */
export function optionsOf(kind: ProviderKind): OptionNames {
  return OPTIONS[kind] ?? ["include_usage"];
}

const timeoutsSchema = z
  .strictObject(
    {
      connect: durationSchema.default("2s"),
      first_token: durationSchema
        .default("1m")
        .describe("until the first event of a stream, or the headers of a whole answer"),
      idle: durationSchema.default("1m").describe("between two events"),
      total: durationSchema.default("10m"),
    },
    { error: "must be a map of durations" },
  )
  .prefault({});

export const providerSchema = z
  .strictObject(
    {
      name: nameSchema,
      kind: z.enum(providerKinds, { error: `must be one of ${providerKinds.join(", ")}` }),
      base_url: baseUrlSchema.describe("as the vendor documents it; path and query in it are kept"),
      credentials: z
        .array(credentialSchema, { error: "must be a list of credentials" })
        .max(64, { error: "must have at most 64 entries" })
        .default([])
        .describe("a pool, used in turn; none for local servers"),
      limits: limitsSchema,
      timeouts: timeoutsSchema,
      options: optionsSchema.default({}),
      capabilities: capabilitiesSchema.optional().describe("of all its models; laid over the catalog's"),
    },
    { error: "must be a provider" },
  )
  .meta({ id: "provider", description: "A configured account at a vendor." });

export type Provider = z.output<typeof providerSchema>;
/** What is stored of a provider beside its name and its sealed credentials. */
export type ProviderSettings = Omit<Provider, "name" | "credentials">;
