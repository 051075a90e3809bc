import { startsAscii } from "./bytes.ts";
import { Json, STRING } from "./json.ts";

/** The id that usage records carry for counts made here. */
export const ESTIMATOR: string = "bytes-4";

/**
 * How many tokens text of so many UTF-8 bytes is about, where the model's vocabulary is not at hand: four bytes a token
 * (English averages 4.2 with o200k_base; Chinese takes three bytes a character and about one token).
 */
export function estimateTokens(bytes: i32): i32 {
  return (bytes + 3) >> 2;
}

/** The estimate of what a request's prompt takes: all its text, and OpenAI's overhead of 3 tokens a message and 3 more. */
export function estimatePrompt(request: Json): i32 {
  let bytes: i32 = 0;
  let overhead: i32 = 0;
  let member = request.first();
  while (member != null) {
    if (member.isKey("messages")) {
      overhead = 3 + 3 * member.count();
      bytes += textBytes(member);
    } else if (member.isKey("prompt") || member.isKey("input") || member.isKey("tools")) bytes += textBytes(member);
    member = member.next;
  }
  return overhead + estimateTokens(bytes);
}

const LONGEST_STRING: i32 = 1024 * 1024;
/** An image is no text: a data URI counts as 85 tokens, what a small one takes. */
const IMAGE_BYTES: i32 = 340;

function textBytes(value: Json): i32 {
  if (value.kind === STRING) {
    const size = value.end - value.start;
    if (size > 64 && startsAscii(value.source, value.start, value.end, "data:")) return IMAGE_BYTES;
    return size > LONGEST_STRING ? LONGEST_STRING : size;
  }
  let total: i32 = 0;
  let child = value.first();
  while (child != null) {
    total += textBytes(child);
    child = child.next;
  }
  return total;
}
