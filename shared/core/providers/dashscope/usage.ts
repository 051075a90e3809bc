import { JsonWriter } from "../../json-writer.ts";
import { Usage } from "../../usage.ts";

const MOST: i32 = 2147483647;

/** Writes OpenAI's usage object. */
export function writeUsage(usage: Usage, w: JsonWriter): void {
  const total: i32 = usage.completion > MOST - usage.prompt ? MOST : usage.prompt + usage.completion;
  w.object();
  w.key("prompt_tokens").int(usage.prompt);
  w.key("completion_tokens").int(usage.completion);
  w.key("total_tokens").int(total);
  w.key("prompt_tokens_details").object();
  w.key("cached_tokens").int(usage.cached).key("cache_write_tokens").int(usage.cacheWrite).end();
  w.key("completion_tokens_details").object().key("reasoning_tokens").int(usage.reasoning).end();
  w.end();
}
