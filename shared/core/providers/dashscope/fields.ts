import { ARRAY, FALSE, Json, NULL, NUMBER, OBJECT, STRING } from "../../json.ts";
import { Translation } from "./translation.ts";

/** Parameters that have the same name and meaning at both ends, and DashScope's own, which a client may send too. */
const SAME: Array<string> = [
  "n",
  "seed",
  "stop",
  "presence_penalty",
  "parallel_tool_calls",
  "logprobs",
  "top_logprobs",
  "top_k",
  "repetition_penalty",
  "enable_search",
  "search_options",
  "enable_thinking",
  "thinking_budget",
  "preserve_thinking",
  "vl_high_resolution_images",
];

/** The members of a chat request that are translated, each null when absent or null. */
export class ChatFields {
  messages: Json | null = null;
  maxTokens: Json | null = null;
  maxCompletionTokens: Json | null = null;
  temperature: Json | null = null;
  topP: Json | null = null;
  tools: Json | null = null;
  toolChoice: Json | null = null;
  responseFormat: Json | null = null;
  reasoningEffort: Json | null = null;
  enableThinking: Json | null = null;
  preserveThinking: Json | null = null;
  /** Those that go on as they came. */
  readonly same: Array<Json> = new Array<Json>();

  /** Takes the member in; false when it is none of these. */
  take(member: Json): boolean {
    if (member.isKey("messages")) this.messages = member;
    else if (member.isKey("max_tokens")) this.maxTokens = member;
    else if (member.isKey("max_completion_tokens")) this.maxCompletionTokens = member;
    else if (member.isKey("temperature")) this.temperature = member;
    else if (member.isKey("top_p")) this.topP = member;
    else if (member.isKey("tools")) this.tools = member;
    else if (member.isKey("tool_choice")) this.toolChoice = member;
    else if (member.isKey("response_format")) this.responseFormat = member;
    else if (member.isKey("reasoning_effort")) this.reasoningEffort = member;
    else if (isSame(member)) {
      if (member.isKey("enable_thinking")) this.enableThinking = member;
      if (member.isKey("preserve_thinking")) this.preserveThinking = member;
      this.same.push(member);
    } else return false;
    return true;
  }
}

function isSame(member: Json): boolean {
  for (let i: i32 = 0; i < SAME.length; i++) {
    if (member.isKey(SAME[i]!)) return true;
  }
  return false;
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
  if (isNeutral(member)) return true;
  if (member.isKey("modalities")) {
    return isTextOnly(member) || t.refuseUnsupported("modalities", "Output other than text");
  }
  if (member.isKey("functions") || member.isKey("function_call")) {
    return t.refuseUnsupported(member.key(), "The forerunner of 'tools' and 'tool_choice'");
  }
  if (member.isKey("web_search_options")) return t.refuseUnsupported("web_search_options", "OpenAI's web search");
  return t.drop(member.key());
}

function isTextOnly(modalities: Json): boolean {
  if (modalities.kind !== ARRAY) return false;
  let modality = modalities.first();
  while (modality != null) {
    if (!modality.is("text")) return false;
    modality = modality.next;
  }
  return true;
}

/** Whether the value asks for nothing: it is what the field defaults to. */
function isNeutral(member: Json): boolean {
  if (member.kind === FALSE) return true;
  if (member.kind === NUMBER) return member.int(1) === 0;
  if (member.kind === STRING) {
    if (member.isKey("service_tier")) return member.is("auto") || member.is("default");
    return member.isEmpty() || (member.isKey("verbosity") && member.is("medium"));
  }
  // A web search is asked for by an empty object.
  if (member.isKey("web_search_options")) return false;
  return (member.kind === ARRAY || member.kind === OBJECT) && member.isEmpty();
}
