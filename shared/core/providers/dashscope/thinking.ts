import { ByteWriter } from "../../byte-writer.ts";
import { Json } from "../../json.ts";

/** Answers of `budgetOf` that are no budget. */
export const UNKNOWN_EFFORT: i32 = -2;
export const NO_THINKING: i32 = -1;
/** The model's own bound holds. */
export const UNBOUNDED: i32 = 0;

const LOW_BUDGET: i32 = 1024;
const MEDIUM_BUDGET: i32 = 8192;

/** The tokens of thought that stand for OpenAI's `reasoning_effort`. */
export function budgetOf(effort: Json): i32 {
  if (effort.is("none")) return NO_THINKING;
  if (effort.is("minimal") || effort.is("low")) return LOW_BUDGET;
  if (effort.is("medium")) return MEDIUM_BUDGET;
  return effort.is("high") || effort.is("xhigh") || effort.is("max") ? UNBOUNDED : UNKNOWN_EFFORT;
}

/**
 * The body of a chat in the compatible mode, which knows no effort but the same switch and budget as DashScope's own
 * protocol: they are put at its end, unless the client set them itself or named no effort.
 * @see https://help.aliyun.com/en/model-studio/deep-thinking
 */
export function withThinking(body: Uint8Array, request: Json): Uint8Array {
  const effort = request.value("reasoning_effort");
  if (effort == null || request.get("enable_thinking") != null) return body;
  const budget = budgetOf(effort);
  let end: i32 = body.length - 1;
  while (end > 0 && (body[end] as i32) !== 0x7d) end--;
  if (budget === UNKNOWN_EFFORT || end <= 0) return body;
  const out = new ByteWriter(end + 64);
  out
    .copy(body, 0, end)
    .ascii(',"enable_thinking":')
    .ascii(budget === NO_THINKING ? "false" : "true");
  if (budget > 0 && request.get("thinking_budget") == null) out.ascii(',"thinking_budget":').int(budget);
  return out.byte(0x7d).take();
}
