import { Json } from "../../json.ts";

/**
 * OpenAI's finish reason for Anthropic's stop reason. `pause_turn` leaves an answer unfinished, and so says `length`; a
 * reason that is not known yet counts as a plain end.
 * @see https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
 */
export function finishReason(stopReason: Json): string {
  if (stopReason.is("tool_use")) return "tool_calls";
  if (stopReason.is("max_tokens") || stopReason.is("model_context_window_exceeded")) return "length";
  if (stopReason.is("pause_turn")) return "length";
  if (stopReason.is("refusal")) return "content_filter";
  return "stop";
}

/** What a client is told of a refusal: the provider's explanation, else its category. */
export function refusalText(details: Json | null): string {
  if (details == null) return "The model declined to answer.";
  const explanation = details.string("explanation", "");
  if (explanation.length > 0) return explanation;
  const category = details.string("category", "");
  return category.length > 0 ? "The model declined to answer (" + category + ")." : "The model declined to answer.";
}
