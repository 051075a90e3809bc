import { ARRAY, FALSE, Json, NULL, NUMBER, OBJECT, STRING } from "../../json.ts";
import { Translation } from "./translation.ts";

/** The members of a chat request that are translated, each null when absent or null. */
export class ChatFields {
  messages: Json | null = null;
  maxTokens: Json | null = null;
  maxCompletionTokens: Json | null = null;
  temperature: Json | null = null;
  topP: Json | null = null;
  topK: Json | null = null;
  stop: Json | null = null;
  n: Json | null = null;
  seed: Json | null = null;
  presencePenalty: Json | null = null;
  frequencyPenalty: Json | null = null;
  logprobs: Json | null = null;
  topLogprobs: Json | null = null;
  tools: Json | null = null;
  toolChoice: Json | null = null;
  /** The forerunners of `tools` and `tool_choice`. */
  functions: Json | null = null;
  functionCall: Json | null = null;
  responseFormat: Json | null = null;
  reasoningEffort: Json | null = null;

  /** Takes the member in; false when it is none of these. */
  take(member: Json): boolean {
    if (member.isKey("messages")) this.messages = member;
    else if (member.isKey("max_tokens")) this.maxTokens = member;
    else if (member.isKey("max_completion_tokens")) this.maxCompletionTokens = member;
    else if (member.isKey("temperature")) this.temperature = member;
    else if (member.isKey("top_p")) this.topP = member;
    else if (member.isKey("top_k")) this.topK = member;
    else if (member.isKey("stop")) this.stop = member;
    else if (member.isKey("n")) this.n = member;
    else if (member.isKey("seed")) this.seed = member;
    else if (member.isKey("presence_penalty")) this.presencePenalty = member;
    else if (member.isKey("frequency_penalty")) this.frequencyPenalty = member;
    else if (member.isKey("logprobs")) this.logprobs = member;
    else if (member.isKey("top_logprobs")) this.topLogprobs = member;
    else if (member.isKey("tools")) this.tools = member;
    else if (member.isKey("tool_choice")) this.toolChoice = member;
    else if (member.isKey("functions")) this.functions = member;
    else if (member.isKey("function_call")) this.functionCall = member;
    else if (member.isKey("response_format")) this.responseFormat = member;
    else if (member.isKey("reasoning_effort")) this.reasoningEffort = member;
    else return false;
    return true;
  }

  hasTools(): boolean {
    const tools = this.tools;
    if (tools != null) return !tools.isEmpty();
    const functions = this.functions;
    return functions != null && !functions.isEmpty();
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
  // The API always may call several tools at once: only false asks for something.
  if (member.isKey("parallel_tool_calls")) return member.kind !== FALSE || t.drop("parallel_tool_calls");
  if (member.isKey("modalities"))
    return isTextOnly(member) || t.refuseUnsupported("modalities", "Output other than text");
  if (member.isKey("web_search_options")) return t.refuseUnsupported("web_search_options", "Web search");
  if (isNeutral(member)) return true;
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
  return (member.kind === ARRAY || member.kind === OBJECT) && member.isEmpty();
}
