import { ClientRequest } from "../../exchange.ts";
import { ARRAY, Json, NUMBER, STRING } from "../../json.ts";
import { isBlankJson } from "../../json-text.ts";
import { RequestTranslation as Translation } from "../../translation.ts";
import { readConversation } from "./conversation.ts";
import { ChatFields, readFields } from "./fields.ts";
import { readFormat } from "./format.ts";
import { writeMessages, writeSystem } from "./messages.ts";
import { writeSchema } from "./schema.ts";
import { readThinking, Thinking } from "./thinking.ts";
import { readAcceptedChoice } from "./tool-choice.ts";
import { writeTools } from "./tools.ts";

/** The API version that still knows sampling parameters. */
export const FIRST_VERSION: string = "2023-06-01";
/** The longest `metadata.user_id`, in bytes. */
const LONGEST_USER: i32 = 256;

/**
 * Writes the body of a Messages request for a chat; false when it cannot be expressed (`t.problem`).
 * @see https://platform.claude.com/docs/en/api/messages
 */
export function writeRequest(call: ClientRequest, model: string, version: string, t: Translation): boolean {
  const fields = readFields(call.json, t);
  if (fields == null) return false;
  const conversation = readConversation(fields.messages, t);
  if (conversation == null) return false;
  const maxTokens = readMaxTokens(fields, t);
  if (maxTokens === 0) return false;
  const choice = readAcceptedChoice(fields, t);
  if (choice == null) return false;
  const format = readFormat(fields.responseFormat, t);
  if (format == null) return false;
  const thinking = readThinking(fields, conversation, choice.isForced(), maxTokens, t);
  if (thinking == null) return false;

  const w = t.w.object();
  w.key("model").string(model).key("max_tokens").int(maxTokens);
  if (call.stream) w.key("stream").bool(true);
  if (!writeSystem(conversation, t)) return false;
  if (!writeMessages(conversation, t)) return false;
  if (!writeTools(fields, choice, t)) return false;
  thinking.write(w);
  const schema = format.schema;
  if (thinking.effort.length > 0 || schema != null) {
    w.key("output_config").object();
    if (thinking.effort.length > 0) w.key("effort").string(thinking.effort);
    if (schema != null) {
      w.key("format").object().key("type").string("json_schema");
      writeSchema(schema, w.key("schema"));
      w.end();
    }
    w.end();
  }
  if (!writeSampling(fields, thinking, version, t)) return false;
  if (!writeStop(fields.stop, t)) return false;
  writeUser(fields, t);
  const mark = fields.cacheControl;
  if (mark != null) w.key("cache_control").json(mark);
  w.end();
  return true;
}

/** `max_tokens` as the API wants it, or 0 with `t.problem`. */
function readMaxTokens(fields: ChatFields, t: Translation): i32 {
  const most = t.capabilities.maxOutput;
  const completion = fields.maxCompletionTokens;
  const asked = completion != null ? completion : fields.maxTokens;
  if (asked == null) return t.capabilities.defaultOutput();
  const value = asked.int(0);
  if (value < 1) {
    t.refuse(
      completion != null ? "max_completion_tokens" : "max_tokens",
      "The maximum of tokens must be a whole number from 1 on.",
    );
    return 0;
  }
  return most > 0 && value > most ? most : value;
}

function writeSampling(fields: ChatFields, thinking: Thinking, version: string, t: Translation): boolean {
  const temperature = fields.temperature;
  const topP = fields.topP;
  const topK = fields.topK;
  if (temperature != null && !isWithin(temperature, 2))
    return t.refuse("temperature", "'temperature' must be a number from 0 to 2.");
  if (topP != null && !isWithin(topP, 1)) return t.refuse("top_p", "'top_p' must be a number from 0 to 1.");
  if (topK != null && topK.int(-1) < 0) return t.refuse("top_k", "'top_k' must be a whole number from 0 on.");
  const sampling = t.capabilities.sampling;
  const known = sampling === "both" || sampling === "one";
  const accepted = known && version === FIRST_VERSION && !thinking.isOn();
  if (temperature != null) {
    // OpenAI's scale goes to 2, this one to 1.
    if (accepted) {
      if (isWithin(temperature, 1)) t.w.key("temperature").json(temperature);
      else t.w.key("temperature").int(1);
    } else if (temperature.int(0) !== 1 && !t.drop("temperature")) return false;
  }
  if (topP != null) {
    if (accepted && (temperature == null || sampling === "both")) t.w.key("top_p").json(topP);
    else if (topP.int(0) !== 1 && !t.drop("top_p")) return false;
  }
  if (topK != null) {
    if (accepted) t.w.key("top_k").json(topK);
    else if (!t.drop("top_k")) return false;
  }
  return true;
}

function isWithin(number: Json, most: f64): boolean {
  if (number.kind !== NUMBER) return false;
  const value: f64 = parseFloat(number.text());
  return value >= 0 && value <= most;
}

/** Writes `stop_sequences`; one of white space only is refused by the API. */
function writeStop(stop: Json | null, t: Translation): boolean {
  if (stop == null) return true;
  if (stop.kind !== STRING && stop.kind !== ARRAY)
    return t.refuse("stop", "'stop' must be a string or an array of strings.");
  let any = false;
  let sequence: Json | null = stop.kind === STRING ? stop : stop.first();
  while (sequence != null) {
    if (sequence.kind !== STRING) return t.refuse("stop", "'stop' must be a string or an array of strings.");
    if (isBlankJson(sequence.source, sequence.start, sequence.end)) {
      if (!t.drop("stop")) return false;
    } else {
      if (!any) t.w.key("stop_sequences").array();
      any = true;
      t.w.json(sequence);
    }
    sequence = stop.kind === STRING ? null : sequence.next;
  }
  if (any) t.w.end();
  return true;
}

/** Writes `metadata.user_id`; the API refuses what looks like an e-mail address or a phone number. */
function writeUser(fields: ChatFields, t: Translation): void {
  const named = fields.user;
  const user = named != null ? named : fields.safetyIdentifier;
  if (user == null || user.kind !== STRING || user.isEmpty() || user.end - user.start > LONGEST_USER) return;
  if (isPersonal(user.text())) return;
  t.w.key("metadata").object().key("user_id").json(user).end();
}

function isPersonal(text: string): boolean {
  let digits: i32 = 0;
  for (let i: i32 = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x40) return true;
    if (c >= 48 && c <= 57) digits++;
    else if (c !== 0x2b && c !== 0x20 && c !== 0x2d && c !== 0x28 && c !== 0x29 && c !== 0x2e) digits = -LONGEST_USER;
  }
  return digits >= 7;
}
