import { sliceBytes } from "../../bytes.ts";
import { Json } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { USAGE_PROVIDER, Usage } from "../../usage.ts";

const MOST: i32 = 2147483647;

/**
 * Takes down a `usageMetadata`, in the place of what an earlier one of the same stream said: counts are running totals.
 * Cached tokens are part of the prompt, thoughts usually are not part of the candidates.
 * @see https://ai.google.dev/api/generate-content#UsageMetadata
 */
export function readUsage(from: Json, usage: Usage): void {
  const prompt = sum(from.count32("promptTokenCount", 0), from.count32("toolUsePromptTokenCount", 0));
  const candidates = from.count32("candidatesTokenCount", 0);
  const thoughts = from.count32("thoughtsTokenCount", 0);
  // Some builds count the thoughts among the candidates: then the total shows it.
  const included = thoughts <= candidates && sum(prompt, candidates) === from.count32("totalTokenCount", -1);
  usage.prompt = prompt;
  usage.cached = from.count32("cachedContentTokenCount", 0);
  usage.completion = included ? candidates : sum(candidates, thoughts);
  usage.reasoning = thoughts;
  usage.source = USAGE_PROVIDER;
  keepRaw(from, usage);
}

/** Every event of a stream counts anew, mostly in as many digits: then the array is used again. */
function keepRaw(from: Json, usage: Usage): void {
  const length = from.end - from.start;
  if (usage.raw.length !== length) {
    usage.raw = sliceBytes(from.source, from.start, from.end);
    return;
  }
  const raw = usage.raw;
  for (let i: i32 = 0; i < length; i++) raw[i] = from.source[from.start + i] as u8;
}

/** A sum that stays in 32 bits, whatever a provider counts. */
export function sum(left: i32, right: i32): i32 {
  return right > MOST - left ? MOST : left + right;
}

/** Writes OpenAI's usage object. */
export function writeUsage(usage: Usage, w: JsonWriter): void {
  w.object();
  w.key("prompt_tokens").int(usage.prompt);
  w.key("completion_tokens").int(usage.completion);
  w.key("total_tokens").int(sum(usage.prompt, usage.completion));
  w.key("prompt_tokens_details").object().key("cached_tokens").int(usage.cached).end();
  w.key("completion_tokens_details").object().key("reasoning_tokens").int(usage.reasoning).end();
  w.end();
}
