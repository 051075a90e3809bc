import { Json } from "../../json.ts";

/** The reason is no end of an answer but a failure of the model to make one. */
export const BROKEN: string = "broken";

/**
 * OpenAI's finish reason for Gemini's, or BROKEN; a reason that is not known yet counts as a plain end. That tools were
 * called the API does not say here.
 * @see https://ai.google.dev/api/generate-content#FinishReason
 */
export function finishReason(reason: Json): string {
  if (reason.is("MAX_TOKENS") || reason.is("CONTINUATION")) return "length";
  if (
    reason.is("SAFETY") ||
    reason.is("RECITATION") ||
    reason.is("BLOCKLIST") ||
    reason.is("PROHIBITED_CONTENT") ||
    reason.is("SPII") ||
    reason.is("LANGUAGE") ||
    reason.is("IMAGE_SAFETY") ||
    reason.is("IMAGE_PROHIBITED_CONTENT") ||
    reason.is("IMAGE_RECITATION")
  )
    return "content_filter";
  if (
    reason.is("MALFORMED_FUNCTION_CALL") ||
    reason.is("UNEXPECTED_TOOL_CALL") ||
    reason.is("TOO_MANY_TOOL_CALLS") ||
    reason.is("MISSING_THOUGHT_SIGNATURE") ||
    reason.is("MALFORMED_RESPONSE")
  )
    return BROKEN;
  return "stop";
}

/** The reason explains nothing: an answer that ended so and holds nothing is none. */
export function isUnexplained(reason: Json): boolean {
  return (
    reason.is("OTHER") || reason.is("NO_IMAGE") || reason.is("IMAGE_OTHER") || reason.is("FINISH_REASON_UNSPECIFIED")
  );
}

/** Why the prompt was not answered, such as `SAFETY`; empty when it was. */
export function blockReason(answer: Json): string {
  const feedback = answer.value("promptFeedback");
  return feedback == null ? "" : feedback.string("blockReason", "");
}

/** What a client is told of a prompt that was blocked. */
export function blockedText(reason: string): string {
  return "The provider blocked the prompt (" + reason + ").";
}

/** What a client is told of an answer that was blocked before it said anything. */
export function withheldText(reason: string): string {
  return "The provider withheld the answer (" + reason + ").";
}
