import { ByteWriter } from "../../byte-writer.ts";
import { sliceBytes } from "../../bytes.ts";
import { Json, NULL } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { USAGE_PROVIDER, Usage } from "../../usage.ts";

const MOST: i32 = 2147483647;
/** A usage object has some 400 bytes; a much longer one is not merged, as that takes time by the square of its members. */
const LONGEST_MERGED: i32 = 16384;

/**
 * Takes down a usage object. Anthropic counts what was read from and written to the cache apart from the input; here
 * both are part of the prompt. Any member may be null.
 * @see https://platform.claude.com/docs/en/api/messages
 */
export function readUsage(from: Json, usage: Usage): void {
  const cached = from.count32("cache_read_input_tokens", 0);
  const written = from.count32("cache_creation_input_tokens", 0);
  usage.prompt = sum(sum(from.count32("input_tokens", 0), written), cached);
  usage.cached = cached;
  usage.cacheWrite = written;
  usage.completion = from.count32("output_tokens", 0);
  const details = from.value("output_tokens_details");
  usage.reasoning = details == null ? 0 : details.count32("thinking_tokens", 0);
  usage.source = USAGE_PROVIDER;
  usage.raw = sliceBytes(from.source, from.start, from.end);
}

/** A sum that stays in 32 bits, whatever a provider counts. */
function sum(left: i32, right: i32): i32 {
  return right > MOST - left ? MOST : left + right;
}

/**
 * The usage of a stream so far: a later object replaces what an earlier one said, member by member, except by null.
 * (Counts are running totals. Some servers tell the input at the start and its cached part only at the end, others the
 * reverse.) Answers the merged object.
 */
export function mergeUsage(earlier: Uint8Array, later: Json): Json {
  const size = earlier.length + (later.end - later.start);
  if (earlier.length === 0 || size > LONGEST_MERGED) return later;
  const before = Json.parse(earlier);
  if (before == null) return later;
  const out = new ByteWriter(size);
  const w = new JsonWriter(out).object();
  let member = before.first();
  while (member != null) {
    if (later.value(member.key()) == null) w.keyOf(member).json(member);
    member = member.next;
  }
  member = later.first();
  while (member != null) {
    if (member.kind !== NULL) w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
  const merged = Json.parse(out.take());
  return merged == null ? later : merged;
}

/** Writes OpenAI's usage object. */
export function writeUsage(usage: Usage, w: JsonWriter): void {
  w.object();
  w.key("prompt_tokens").int(usage.prompt);
  w.key("completion_tokens").int(usage.completion);
  w.key("total_tokens").int(sum(usage.prompt, usage.completion));
  w.key("prompt_tokens_details").object();
  w.key("cached_tokens").int(usage.cached).key("cache_write_tokens").int(usage.cacheWrite).end();
  w.key("completion_tokens_details").object().key("reasoning_tokens").int(usage.reasoning).end();
  w.end();
}
