/** All dialects, and how the one of a request is found. */
import type { Dialect } from "./answer.ts";
import { anthropic } from "./anthropic.ts";
import { azure } from "./azure.ts";
import { dashscope } from "./dashscope.ts";
import { dashscopeCompatible } from "./dashscope-compatible.ts";
import { gemini } from "./gemini.ts";
import { llamacpp } from "./llamacpp.ts";
import { openai } from "./openai.ts";
import { vllm } from "./vllm.ts";
import { zhipu } from "./zhipu.ts";

const DIALECTS = {
  openai,
  azure,
  anthropic,
  gemini,
  dashscope,
  "dashscope-compatible": dashscopeCompatible,
  zhipu,
  vllm,
  llamacpp,
} satisfies Record<string, Dialect>;

export type DialectName = keyof typeof DIALECTS;

/** Paths that only one vendor has. Local servers share OpenAI's: a segment of the path may name them. */
const PATHS: [path: RegExp, name: DialectName][] = [
  [/\/vllm\//, "vllm"],
  [/\/llamacpp\//, "llamacpp"],
  [/\/openai\/(deployments\/|v1\/)/, "azure"],
  [/\/messages$/, "anthropic"],
  [/\/models\/[^/]+:/, "gemini"],
  [/\/compatible-mode\//, "dashscope-compatible"],
  [/\/api\/v1\/(services|tasks)\//, "dashscope"],
  [/\/paas\/v4\//, "zhipu"],
];

/** `chosen` speaks on every path; without it the path tells, and OpenAI has what is left. */
export function dialectOf(path: string, chosen: DialectName | undefined): Dialect {
  const name = chosen ?? PATHS.find(([pattern]) => pattern.test(path))?.[1] ?? "openai";
  return DIALECTS[name];
}

export function isDialect(name: string): name is DialectName {
  return name in DIALECTS;
}
