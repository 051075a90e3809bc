import { ClientRequest } from "../../exchange.ts";
import { ARRAY, Json, NUMBER, OBJECT, STRING, TRUE } from "../../json.ts";
import { ChatFields, readFields } from "./fields.ts";
import { writeMessages } from "./messages.ts";
import { budgetOf, NO_THINKING, UNKNOWN_EFFORT } from "./thinking.ts";
import { writeTools } from "./tools.ts";
import { Translation } from "./translation.ts";

/**
 * Writes the body of a generation request for a chat; false when it cannot be expressed (`t.problem`). `streamed`:
 * it is asked for as a stream; `incremental`: its events are to bring what is new, else each brings all so far.
 * @see https://help.aliyun.com/en/model-studio/qwen-api-via-dashscope
 */
export function writeRequest(
  call: ClientRequest,
  model: string,
  streamed: boolean,
  incremental: boolean,
  t: Translation,
): boolean {
  const fields = readFields(call.json, t);
  if (fields == null) return false;
  const preserved = fields.preserveThinking;
  const w = t.w.object();
  w.key("model").string(model).key("input").object().key("messages");
  if (!writeMessages(fields.messages, preserved != null && preserved.kind === TRUE, t)) return false;
  w.end().key("parameters").object();
  // Old models answer with bare text otherwise.
  w.key("result_format").string("message");
  if (streamed) w.key("incremental_output").bool(incremental);
  if (!writeMaxTokens(fields, t)) return false;
  if (!writeSampling(fields, t)) return false;
  if (!writeSame(fields, t)) return false;
  if (!writeThinking(fields, t)) return false;
  if (!writeFormat(fields.responseFormat, t)) return false;
  if (!writeTools(fields.tools, fields.toolChoice, t)) return false;
  w.end().end();
  return true;
}

function writeMaxTokens(fields: ChatFields, t: Translation): boolean {
  const completion = fields.maxCompletionTokens;
  const asked = completion != null ? completion : fields.maxTokens;
  if (asked == null) return true;
  if (asked.int(0) < 1) {
    return t.refuse(
      completion != null ? "max_completion_tokens" : "max_tokens",
      "The maximum of tokens must be a whole number from 1 on.",
    );
  }
  t.w.key("max_tokens").json(asked);
  return true;
}

/** DashScope takes a temperature below 2, and a `top_p` between 0 and 1 that is neither. */
function writeSampling(fields: ChatFields, t: Translation): boolean {
  const temperature = fields.temperature;
  if (temperature != null) {
    const value = numberOf(temperature);
    if (value < 0 || value > 2) return t.refuse("temperature", "'temperature' must be a number from 0 to 2.");
    t.w.key("temperature");
    if (value < 2) t.w.json(temperature);
    else t.w.raw("1.9999");
  }
  const topP = fields.topP;
  if (topP != null) {
    const value = numberOf(topP);
    if (value < 0 || value > 1) return t.refuse("top_p", "'top_p' must be a number from 0 to 1.");
    t.w.key("top_p");
    if (value <= 0) t.w.raw("0.0001");
    else if (value >= 1) t.w.raw("0.9999");
    else t.w.json(topP);
  }
  return true;
}

/** The number; below 0 for what is none. */
function numberOf(value: Json): f64 {
  return value.kind === NUMBER ? parseFloat(value.text()) : -1;
}

function writeSame(fields: ChatFields, t: Translation): boolean {
  for (let i: i32 = 0; i < fields.same.length; i++) {
    const member = fields.same[i]!;
    if (member.isKey("n") && member.int(0) < 1) return t.refuse("n", "'n' must be a whole number from 1 on.");
    if (member.isKey("stop") && member.kind !== STRING && member.kind !== ARRAY) {
      return t.refuse("stop", "'stop' must be a string or an array of strings.");
    }
    // An empty list of stop words is refused.
    if (member.isKey("stop") && member.isEmpty()) continue;
    t.w.keyOf(member).json(member);
  }
  return true;
}

/** `reasoning_effort`, unless the client speaks DashScope's own words. */
function writeThinking(fields: ChatFields, t: Translation): boolean {
  const effort = fields.reasoningEffort;
  if (effort == null || fields.enableThinking != null) return true;
  const budget = budgetOf(effort);
  if (budget === UNKNOWN_EFFORT) {
    return t.refuse(
      "reasoning_effort",
      "'reasoning_effort' must be one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh' and 'max'.",
    );
  }
  if (budget === NO_THINKING) {
    t.w.key("enable_thinking").bool(false);
    return true;
  }
  t.w.key("enable_thinking").bool(true);
  if (budget > 0 && !isGiven(fields, "thinking_budget")) t.w.key("thinking_budget").int(budget);
  return true;
}

function isGiven(fields: ChatFields, name: string): boolean {
  for (let i: i32 = 0; i < fields.same.length; i++) {
    if (fields.same[i]!.isKey(name)) return true;
  }
  return false;
}

function writeFormat(format: Json | null, t: Translation): boolean {
  if (format == null) return true;
  const type = format.value("type");
  if (format.kind !== OBJECT || type == null || type.kind !== STRING) return t.refuseMissing("response_format.type");
  if (type.is("text")) return true;
  if (type.is("json_schema")) {
    const wrapper = format.value("json_schema");
    if (wrapper == null || wrapper.value("schema") == null)
      return t.refuseMissing("response_format.json_schema.schema");
  } else if (!type.is("json_object")) {
    return t.refuse(
      "response_format.type",
      "'response_format.type' must be one of 'text', 'json_object' and 'json_schema'.",
    );
  }
  t.w.key("response_format").json(format);
  return true;
}
