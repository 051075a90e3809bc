import { sliceBytes } from "../../bytes.ts";
import { Json } from "../../json.ts";
import { USAGE_PROVIDER, Usage } from "../../usage.ts";

/**
 * Takes down OpenAI's usage object: that of chats and completions, of embeddings (no completion) and of images
 * (`input_tokens`, `output_tokens`). A later one replaces an earlier one: some servers repeat running totals.
 * @see https://platform.openai.com/docs/api-reference/chat/object
 */
export function readUsage(from: Json, usage: Usage): void {
  usage.prompt = from.count32("prompt_tokens", from.count32("input_tokens", 0));
  usage.completion = from.count32("completion_tokens", from.count32("output_tokens", 0));
  let details = from.value("prompt_tokens_details");
  if (details == null) details = from.value("input_tokens_details");
  usage.cached = details == null ? 0 : details.count32("cached_tokens", 0);
  // The second name is Alibaba's.
  usage.cacheWrite =
    details == null ? 0 : details.count32("cache_write_tokens", details.count32("cache_creation_input_tokens", 0));
  details = from.value("completion_tokens_details");
  if (details == null) details = from.value("output_tokens_details");
  usage.reasoning = details == null ? 0 : details.count32("reasoning_tokens", 0);
  usage.source = USAGE_PROVIDER;
  usage.raw = sliceBytes(from.source, from.start, from.end);
}
