import { z } from "zod";
import { baseUrlSchema } from "./base-url.ts";
import { durationSchema } from "./duration.ts";
import { limitsSchema } from "./limit.ts";
import { modelNameSchema, nameSchema } from "./name.ts";
import { credentialSchema } from "./secret.ts";

export const providerKinds = [
  "openai",
  "azure",
  "anthropic",
  "gemini",
  "dashscope",
  "zhipu",
  "vllm",
  "llamacpp",
  "openai-compatible",
] as const;

export type ProviderKind = (typeof providerKinds)[number];

/** Kinds that serve on a company's own machines, usually without a credential. */
export const localKinds: ReadonlySet<ProviderKind> = new Set(["vllm", "llamacpp", "openai-compatible"]);

const version = z
  .string({ error: "must be text like 2024-10-21" })
  .regex(/^[A-Za-z0-9._-]{1,64}$/, { error: "must be text like 2024-10-21" });

const yesOrNo = z.boolean({ error: "must be true or false" });

const deployment = z
  .string({ error: "must be the name of a deployment" })
  .regex(/^[A-Za-z0-9._-]{1,128}$/, { error: "must be the name of a deployment" });

/** Options of all kinds; {@link optionsOfKind} says which kind knows which. */
const optionsSchema = z
  .strictObject(
    {
      /** azure; absent: its v1 path. */
      api_version: version,
      /** azure: upstream model to deployment. */
      deployments: z.record(modelNameSchema, deployment, { error: "must map models to deployments" }),
      anthropic_version: version,
      /** dashscope: its own protocol or the one like OpenAI's. */
      mode: z.enum(["native", "compatible"], { error: "must be native or compatible" }),
      /** dashscope native: `incremental_output`. */
      incremental: yesOrNo,
      /** zhipu. */
      auth: z.enum(["bearer", "jwt"], { error: "must be bearer or jwt" }),
      /** false: never send `stream_options`, for servers that refuse it. */
      include_usage: yesOrNo,
    },
    { error: "must be a map of options" },
  )
  .partial();

export type ProviderOptions = z.output<typeof optionsSchema>;

export const optionsOfKind: Readonly<Record<ProviderKind, readonly (keyof ProviderOptions)[]>> = {
  openai: ["include_usage"],
  azure: ["api_version", "deployments", "include_usage"],
  anthropic: ["anthropic_version"],
  gemini: [],
  dashscope: ["mode", "incremental", "include_usage"],
  zhipu: ["auth", "include_usage"],
  vllm: ["include_usage"],
  llamacpp: ["include_usage"],
  "openai-compatible": ["include_usage"],
};

const timeoutsSchema = z
  .strictObject(
    {
      connect: durationSchema.default("2s"),
      /** Until the first event of a stream, or the headers of a whole answer. */
      first_token: durationSchema.default("1m"),
      /** Between two events. */
      idle: durationSchema.default("1m"),
      total: durationSchema.default("10m"),
    },
    { error: "must be a map of durations" },
  )
  .prefault({});

/** A configured account at a vendor. */
export const providerSchema = z.strictObject(
  {
    name: nameSchema,
    kind: z.enum(providerKinds, { error: `must be one of ${providerKinds.join(", ")}` }),
    base_url: baseUrlSchema,
    credentials: z
      .array(credentialSchema, { error: "must be a list of credentials" })
      .max(64, { error: "must have at most 64 entries" })
      .default([]),
    limits: limitsSchema,
    timeouts: timeoutsSchema,
    options: optionsSchema.default({}),
  },
  { error: "must be a provider" },
);

export type Provider = z.output<typeof providerSchema>;
/** What is stored of a provider beside its name and its sealed credentials. */
export type ProviderSettings = Omit<Provider, "name" | "credentials">;
