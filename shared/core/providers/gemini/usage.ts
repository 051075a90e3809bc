import { byteAt, copyBytes, QUOTE, sliceBytes, startsAscii } from "../../bytes.ts";
import { Json } from "../../json.ts";
import { skipSpace, skipString, skipValue } from "../../json-scan.ts";
import { JsonWriter } from "../../json-writer.ts";
import { USAGE_PROVIDER, Usage } from "../../usage.ts";

const MOST: i32 = 2147483647;
/** A count of more digits may not fit. */
const MOST_DIGITS: i32 = 9;

/** Takes down a `usageMetadata`, as `countUsage` does. */
export function readUsage(from: Json, usage: Usage): void {
  countUsage(from.source, from.start, from.end, usage);
}

/**
 * Takes down the `usageMetadata` whose checked JSON is `bytes[start, end)`, in the place of what an earlier one of the same
 * stream said: counts are running totals. Each event of a stream has one, so nothing is built to read it. Cached tokens are
 * part of the prompt, thoughts usually are not part of the candidates.
 * @see https://ai.google.dev/api/generate-content#UsageMetadata
 */
export function countUsage(bytes: Uint8Array, start: i32, end: i32, usage: Usage): void {
  let prompt: i32 = 0;
  let used: i32 = 0;
  let candidates: i32 = 0;
  let thoughts: i32 = 0;
  let cached: i32 = 0;
  let total: i32 = -1;
  let key = skipSpace(bytes, start + 1, end);
  while (key < end && byteAt(bytes, key) === QUOTE) {
    const colon = skipSpace(bytes, skipString(bytes, key, end), end);
    const value = skipSpace(bytes, colon + 1, end);
    const to = skipValue(bytes, value, end, 1);
    if (to < 0) break;
    if (startsAscii(bytes, key, colon, '"promptTokenCount"')) prompt = wholeAt(bytes, value, to, 0);
    else if (startsAscii(bytes, key, colon, '"candidatesTokenCount"')) candidates = wholeAt(bytes, value, to, 0);
    else if (startsAscii(bytes, key, colon, '"totalTokenCount"')) total = wholeAt(bytes, value, to, -1);
    else if (startsAscii(bytes, key, colon, '"thoughtsTokenCount"')) thoughts = wholeAt(bytes, value, to, 0);
    else if (startsAscii(bytes, key, colon, '"cachedContentTokenCount"')) cached = wholeAt(bytes, value, to, 0);
    else if (startsAscii(bytes, key, colon, '"toolUsePromptTokenCount"')) used = wholeAt(bytes, value, to, 0);
    // Over the comma.
    key = skipSpace(bytes, skipSpace(bytes, to, end) + 1, end);
  }
  // Some builds count the thoughts among the candidates: then the total shows it.
  usage.prompt = sum(prompt, used);
  const included = thoughts <= candidates && sum(usage.prompt, candidates) === total;
  usage.cached = cached;
  usage.completion = included ? candidates : sum(candidates, thoughts);
  usage.reasoning = thoughts;
  usage.source = USAGE_PROVIDER;
  keepRaw(bytes, start, end, usage);
}

/** The whole number that `bytes[start, end)` spells, or `otherwise`: also for one of ten digits and more. */
function wholeAt(bytes: Uint8Array, start: i32, end: i32, otherwise: i32): i32 {
  if (end - start > MOST_DIGITS) return otherwise;
  let value: i32 = 0;
  for (let i: i32 = start; i < end; i++) {
    const digit = byteAt(bytes, i) - 48;
    if (digit < 0 || digit > 9) return otherwise;
    value = value * 10 + digit;
  }
  return value;
}

/** Events mostly count in as many digits as the one before: then the array is used again. */
function keepRaw(bytes: Uint8Array, start: i32, end: i32, usage: Usage): void {
  if (usage.raw.length === end - start) copyBytes(usage.raw, 0, bytes, start, end);
  else usage.raw = sliceBytes(bytes, start, end);
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
