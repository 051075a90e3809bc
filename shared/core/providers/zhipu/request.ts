import { ClientRequest } from "../../exchange.ts";
import { ARRAY, FALSE, Json, NULL, NUMBER, OBJECT, STRING } from "../../json.ts";
import { firstOf, memberOf } from "../../json-path.ts";
import { RequestTranslation as Translation } from "../../translation.ts";
import { writeMessages } from "./messages.ts";
import { writeThinking } from "./thinking.ts";
import { readToolChoice, writeTools } from "./tools.ts";
import { writeUser } from "./user.ts";

/** OpenAI's fields that the API does not know. All that is in no list here is the vendor's own and passes. */
const UNKNOWN: Array<string> = [
  "frequency_penalty",
  "presence_penalty",
  "logit_bias",
  "logprobs",
  "top_logprobs",
  "seed",
  "parallel_tool_calls",
  "service_tier",
  "store",
  "metadata",
  "prediction",
  "verbosity",
  "moderation",
  "prompt_cache_key",
  "prompt_cache_retention",
  "prompt_cache_options",
];

/** The highest temperature and `top_p` that every model takes. */
const NEARLY_ONE: string = "0.99";

/**
 * Writes the body of a chat; false when it cannot be expressed (`t.problem`).
 * @see https://docs.bigmodel.cn/api-reference/模型-api/对话补全
 */
export function writeChat(call: ClientRequest, model: string, t: Translation): boolean {
  const json = call.json;
  const messages = json.value("messages");
  if (messages == null || messages.kind !== ARRAY) return t.refuse("messages", "'messages' must be an array.");
  const tools = json.value("tools");
  let asked: Json | null = null;
  if (tools != null) asked = json.value("tool_choice");
  const choice = readToolChoice(asked, tools, t);
  if (choice == null) return false;
  const w = t.w.object().key("model").string(model);
  // What these have to tell the model stands in its messages.
  if (!writeFormat(json.value("response_format"), t)) return false;
  if (!writeMessages(messages, t)) return false;
  if (tools != null && !writeTools(tools, choice, t)) return false;
  let member = json.first();
  while (member != null) {
    if (member.kind !== NULL && !writeField(member, call, t)) return false;
    member = member.next;
  }
  w.end();
  return true;
}

function writeField(member: Json, call: ClientRequest, t: Translation): boolean {
  if (isWritten(member)) return true;
  const w = t.w;
  if (member.isKey("max_completion_tokens")) w.key("max_tokens").json(member);
  else if (member.isKey("max_tokens")) {
    if (call.json.value("max_completion_tokens") == null) w.keyOf(member).json(member);
  } else if (member.isKey("temperature")) return writeTemperature(member, t);
  else if (member.isKey("top_p")) return writeTopP(member, t);
  else if (member.isKey("stop")) return writeStop(member, t);
  else if (member.isKey("reasoning_effort")) {
    // Who speaks the vendor's own words of thinking is not corrected.
    return call.json.value("thinking") != null || writeThinking(member, t);
  } else if (member.isKey("safety_identifier")) writeUser(member, t);
  else if (member.isKey("user")) {
    if (call.json.value("safety_identifier") == null) writeUser(member, t);
  } else if (member.isKey("n")) {
    return member.int(0) === 1 || t.refuse("n", "This model gives one choice: 'n' must be 1.");
  } else if (member.isKey("modalities")) {
    return isTextOnly(member) || t.refuseUnsupported("modalities", "Output other than text");
  } else if (member.isKey("audio") || member.isKey("web_search_options")) {
    return t.refuseUnsupported(member.key(), "'" + member.key() + "'");
  } else if (member.isKey("functions") || member.isKey("function_call")) {
    return member.isEmpty() || t.refuseUnsupported(member.key(), "A function outside 'tools'");
  } else if (isUnknown(member)) return isNeutral(member) || t.drop(member.key());
  else w.keyOf(member).json(member);
  return true;
}

/** Whether the field is dealt with apart from the others, or tells the API nothing. */
function isWritten(member: Json): boolean {
  return (
    member.isKey("model") ||
    member.isKey("messages") ||
    member.isKey("tools") ||
    member.isKey("tool_choice") ||
    member.isKey("response_format") ||
    member.isKey("stream_options")
  );
}

function isUnknown(member: Json): boolean {
  for (let i: i32 = 0; i < UNKNOWN.length; i++) {
    if (member.isKey(UNKNOWN[i]!)) return true;
  }
  return false;
}

/** Whether the value asks for nothing: it is what the field defaults to. */
function isNeutral(member: Json): boolean {
  if (member.isKey("parallel_tool_calls")) return member.kind !== FALSE;
  if (member.kind === FALSE) return true;
  if (member.kind === NUMBER) return member.int(1) === 0 && !member.isKey("seed");
  if (member.kind === STRING) return member.is("auto") || member.is("default") || member.isEmpty();
  return (member.kind === ARRAY || member.kind === OBJECT) && member.isEmpty();
}

/**
 * OpenAI's scale goes to 2, this one to 1; 0 means the likeliest word, which has a switch of its own here. Older models
 * refuse the ends of the scale itself, and the vendor's own SDK never sends them.
 */
function writeTemperature(member: Json, t: Translation): boolean {
  const value = numberOf(member);
  if (!(value >= 0 && value <= 2)) return t.refuse("temperature", "'temperature' must be a number from 0 to 2.");
  if (value === 0) t.w.key("do_sample").bool(false);
  else if (value >= 1) t.w.keyOf(member).raw(NEARLY_ONE);
  else t.w.keyOf(member).json(member);
  return true;
}

function writeTopP(member: Json, t: Translation): boolean {
  const value = numberOf(member);
  if (!(value >= 0 && value <= 1)) return t.refuse("top_p", "'top_p' must be a number from 0 to 1.");
  if (value < 0.01) t.w.key("top_p").raw("0.01");
  else if (value >= 1) t.w.keyOf(member).raw(NEARLY_ONE);
  else t.w.keyOf(member).json(member);
  return true;
}

/** The number, or one that is out of every bound. */
function numberOf(member: Json): f64 {
  return member.kind === NUMBER ? parseFloat(member.text()) : -1;
}

/** The API takes one stop word, in an array. Without the others an answer would run on: they are not left out. */
function writeStop(stop: Json, t: Translation): boolean {
  if (stop.kind === STRING) {
    if (!stop.isEmpty()) t.w.key("stop").array().json(stop).end();
    return true;
  }
  if (stop.kind !== ARRAY) return t.refuse("stop", "'stop' must be a string or an array of strings.");
  const word = stop.first();
  if (word == null) return true;
  if (word.next != null) return t.refuseUnsupported("stop", "More than one stop sequence");
  if (word.kind !== STRING) return t.refuse("stop", "'stop' must be a string or an array of strings.");
  t.w.key("stop").json(stop);
  return true;
}

function isTextOnly(modalities: Json): boolean {
  const modality = firstOf(modalities);
  return modality != null && modality.is("text") && modality.next == null;
}

/** Writes `response_format`; the model is asked for a schema that the API cannot hold it to. */
function writeFormat(asked: Json | null, t: Translation): boolean {
  if (asked == null) return true;
  const type = asked.value("type");
  if (asked.kind !== OBJECT || type == null) return t.refuse("response_format", "A response format must have a type.");
  if (type.is("text")) return true;
  if (type.is("json_schema")) {
    const schema = memberOf(asked.value("json_schema"), "schema");
    if (schema == null || schema.kind !== OBJECT)
      return t.refuse("response_format.json_schema.schema", "The schema must be an object.");
    if (!t.drop("response_format")) return false;
    t.instructions.push(
      "Answer with one valid JSON object and nothing else: no explanation, no code fence. It must be valid against this" +
        " JSON Schema:\n" +
        schema.text(),
    );
  } else if (!type.is("json_object")) {
    return t.refuse("response_format.type", "The type must be one of 'text', 'json_object' and 'json_schema'.");
  }
  t.w.key("response_format").object().key("type").string("json_object").end();
  return true;
}
