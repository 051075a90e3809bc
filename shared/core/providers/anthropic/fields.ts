import { Json, NULL } from "../../json.ts";
import { isNeutral, isTextOnly } from "../../neutral-field.ts";
import { ToolFields } from "../../tool-choice.ts";
import { RequestTranslation as Translation } from "../../translation.ts";

/** The members of a chat request that are translated, each null when absent or null. */
export class ChatFields extends ToolFields {
  messages: Json | null = null;
  maxTokens: Json | null = null;
  maxCompletionTokens: Json | null = null;
  temperature: Json | null = null;
  topP: Json | null = null;
  topK: Json | null = null;
  stop: Json | null = null;
  responseFormat: Json | null = null;
  reasoningEffort: Json | null = null;
  user: Json | null = null;
  safetyIdentifier: Json | null = null;
  /** Anthropic's own extension: what comes last is marked for the cache. */
  cacheControl: Json | null = null;

  /** Takes the member in; false when it is none of these. */
  take(member: Json): boolean {
    if (member.isKey("messages")) this.messages = member;
    else if (member.isKey("max_tokens")) this.maxTokens = member;
    else if (member.isKey("max_completion_tokens")) this.maxCompletionTokens = member;
    else if (member.isKey("temperature")) this.temperature = member;
    else if (member.isKey("top_p")) this.topP = member;
    else if (member.isKey("top_k")) this.topK = member;
    else if (member.isKey("stop")) this.stop = member;
    else if (member.isKey("response_format")) this.responseFormat = member;
    else if (member.isKey("reasoning_effort")) this.reasoningEffort = member;
    else if (member.isKey("user")) this.user = member;
    else if (member.isKey("safety_identifier")) this.safetyIdentifier = member;
    else if (member.isKey("cache_control")) this.cacheControl = member;
    else return this.takeTool(member);
    return true;
  }
}

/** The request's fields, or null when one of the others cannot be left out (`t.problem`). */
export function readFields(request: Json, t: Translation): ChatFields | null {
  const fields = new ChatFields();
  let member = request.first();
  while (member != null) {
    if (member.kind !== NULL && !fields.take(member) && !leaveOut(member, t)) return null;
    member = member.next;
  }
  return fields;
}

/** Whether the request means the same without the member. */
function leaveOut(member: Json, t: Translation): boolean {
  // Read by the gateway itself.
  if (member.isKey("model") || member.isKey("stream") || member.isKey("stream_options")) return true;
  if (member.isKey("n")) {
    if (member.int(0) === 1) return true;
    return t.refuse("n", "This model gives one choice: 'n' must be 1.");
  }
  if (member.isKey("modalities"))
    return isTextOnly(member) || t.refuseUnsupported("modalities", "Output other than text");
  if (member.isKey("web_search_options")) return t.refuseUnsupported("web_search_options", "Web search");
  if (isNeutral(member)) return true;
  return t.drop(member.key());
}
