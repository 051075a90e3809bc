import { JSON_WITH_TOOLS, PENALTIES, STRUCTURED_OUTPUT } from "../../capabilities.ts";
import { ARRAY, Json, NUMBER, OBJECT, STRING, TRUE } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { JsonWriter } from "../../json-writer.ts";
import { RequestTranslation as Translation } from "../../translation.ts";
import { ChatFields } from "./fields.ts";
import { writeSchema } from "./schema.ts";
import { writeThinking } from "./thinking.ts";

/** The API gives at most so many candidates, and takes so many stop sequences. */
export const MOST_CANDIDATES: i32 = 8;
const MOST_STOPS: i32 = 5;

/**
 * Writes the members of `generationConfig`; false when one cannot be expressed (`t.problem`).
 * @see https://ai.google.dev/api/generate-content#generationconfig
 */
export function writeGeneration(fields: ChatFields, t: Translation, w: JsonWriter): boolean {
  return (
    writeNumber(fields.temperature, "temperature", "temperature", w, t) &&
    writeNumber(fields.topP, "top_p", "topP", w, t) &&
    writeNumber(fields.topK, "top_k", "topK", w, t) &&
    writePenalty(fields.presencePenalty, "presence_penalty", "presencePenalty", w, t) &&
    writePenalty(fields.frequencyPenalty, "frequency_penalty", "frequencyPenalty", w, t) &&
    writeMaxTokens(fields, w, t) &&
    writeStop(fields.stop, w, t) &&
    writeCandidates(fields.n, w, t) &&
    writeSeed(fields.seed, w, t) &&
    writeLogprobs(fields, w, t) &&
    writeFormat(fields, w, t) &&
    writeThinking(fields.reasoningEffort, t, w)
  );
}

function writeNumber(value: Json | null, param: string, name: string, w: JsonWriter, t: Translation): boolean {
  if (value == null) return true;
  if (value.kind !== NUMBER) return t.refuse(param, "'" + param + "' must be a number.");
  w.key(name).json(value);
  return true;
}

/** Gemini 3 and later answer 400 to penalties. */
function writePenalty(value: Json | null, param: string, name: string, w: JsonWriter, t: Translation): boolean {
  if (value == null || value.int(1) === 0) return true;
  if (!t.capabilities.has(PENALTIES)) return t.drop(param);
  return writeNumber(value, param, name, w, t);
}

/** What the model thinks counts as well. */
function writeMaxTokens(fields: ChatFields, w: JsonWriter, t: Translation): boolean {
  const completion = fields.maxCompletionTokens;
  const asked = completion != null ? completion : fields.maxTokens;
  if (asked == null) return true;
  const value = asked.int(0);
  if (value < 1) {
    const param = completion != null ? "max_completion_tokens" : "max_tokens";
    return t.refuse(param, "The maximum of tokens must be a whole number from 1 on.");
  }
  w.key("maxOutputTokens").int(value);
  return true;
}

function writeStop(stop: Json | null, w: JsonWriter, t: Translation): boolean {
  if (stop == null) return true;
  if (stop.kind !== STRING && stop.kind !== ARRAY)
    return t.refuse("stop", "'stop' must be a string or an array of strings.");
  let count: i32 = 0;
  let sequence: Json | null = stop.kind === STRING ? stop : stop.first();
  while (sequence != null) {
    if (sequence.kind !== STRING) return t.refuse("stop", "'stop' must be a string or an array of strings.");
    if (!sequence.isEmpty()) {
      if (count === MOST_STOPS) return t.refuse("stop", "This model takes at most 5 stop sequences.");
      if (count === 0) w.key("stopSequences").array();
      count++;
      w.json(sequence);
    }
    sequence = stop.kind === STRING ? null : sequence.next;
  }
  if (count > 0) w.end();
  return true;
}

function writeCandidates(n: Json | null, w: JsonWriter, t: Translation): boolean {
  if (n == null) return true;
  const count = n.int(0);
  if (count < 1 || count > MOST_CANDIDATES) return t.refuse("n", "'n' must be a whole number from 1 to 8.");
  if (count > 1) w.key("candidateCount").int(count);
  return true;
}

/** A seed has 32 bits here; a longer one is left out, as it only makes answers alike. */
function writeSeed(seed: Json | null, w: JsonWriter, t: Translation): boolean {
  if (seed == null) return true;
  const value = seed.int(-1);
  if (value < 0) return t.drop("seed");
  w.key("seed").int(value);
  return true;
}

function writeLogprobs(fields: ChatFields, w: JsonWriter, t: Translation): boolean {
  const asked = fields.logprobs;
  if (asked == null || asked.kind !== TRUE) return true;
  w.key("responseLogprobs").bool(true);
  const top = fields.topLogprobs;
  if (top == null) return true;
  const count = top.int(-1);
  if (count < 0 || count > 20) return t.refuse("top_logprobs", "'top_logprobs' must be a whole number from 0 to 20.");
  if (count > 0) w.key("logprobs").int(count);
  return true;
}

/** Writes what `response_format` comes to; what the API cannot enforce the model is asked for. */
function writeFormat(fields: ChatFields, w: JsonWriter, t: Translation): boolean {
  const asked = fields.responseFormat;
  if (asked == null) return true;
  const type = asked.value("type");
  if (asked.kind !== OBJECT || type == null || type.kind !== STRING) return t.refuseMissing("response_format.type");
  if (type.is("text")) return true;
  const enforced = !fields.hasTools() || t.capabilities.has(JSON_WITH_TOOLS);
  if (type.is("json_object")) {
    if (!enforced) return askForJson("", t);
    w.key("responseMimeType").string("application/json");
    return true;
  }
  if (!type.is("json_schema")) {
    return t.refuse(
      "response_format.type",
      "'response_format.type' must be one of 'text', 'json_object' and 'json_schema'.",
    );
  }
  const schema = memberOf(asked.value("json_schema"), "schema");
  if (schema == null || schema.kind !== OBJECT) return t.refuseMissing("response_format.json_schema.schema");
  const known = t.capabilities.has(STRUCTURED_OUTPUT);
  if ((!enforced || !known) && !askForJson(schema.text(), t)) return false;
  if (!enforced) return true;
  w.key("responseMimeType").string("application/json");
  if (known) writeSchema(schema, w.key("responseJsonSchema"));
  return true;
}

/** Asks in words for JSON, valid against `schema` unless that is empty. */
function askForJson(schema: string, t: Translation): boolean {
  if (!t.drop("response_format")) return false;
  const wish = "Answer with one valid JSON object and nothing else: no explanation, no code fence.";
  const rule = schema.length > 0 ? " It must be valid against this JSON Schema:\n" + schema : "";
  t.instructions.push(wish + rule);
  return true;
}
