/** What a provider's wire format is: a name of the core's registry. */
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
