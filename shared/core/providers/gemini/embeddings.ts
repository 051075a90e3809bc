import { ByteWriter } from "../../byte-writer.ts";
import { isVector, writeEncodedVector } from "../../embedding-vector.ts";
import { ClientRequest } from "../../exchange.ts";
import { ARRAY, Json, NUMBER, OBJECT, STRING } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { Problem, providerError } from "../../problem.ts";
import { estimatePrompt } from "../../tokens.ts";
import { at, RequestTranslation as Translation } from "../../translation.ts";
import { USAGE_ESTIMATE, Usage } from "../../usage.ts";
import { resourceName } from "./path.ts";
import { readUsage } from "./usage.ts";

/** OpenAI's own bound on the inputs of one call. */
const MOST_INPUTS: i32 = 2048;

/** Whether the client asks for the embeddings of several inputs, or of one. */
export function isBatch(call: ClientRequest): boolean {
  const input = call.json.value("input");
  return input != null && input.kind === ARRAY;
}

/**
 * Writes the body of a call of `embedContent` or, for several inputs, of `batchEmbedContents`; false when it cannot be
 * expressed (`t.problem`).
 * @see https://ai.google.dev/api/embeddings
 */
export function writeEmbedding(call: ClientRequest, model: string, t: Translation): boolean {
  const input = call.json.value("input");
  if (input == null) return t.refuseMissing("input");
  const format = call.json.value("encoding_format");
  if (format != null && !format.is("float") && !format.is("base64")) {
    return t.refuse("encoding_format", "'encoding_format' must be one of 'float' and 'base64'.");
  }
  const dimensions = call.json.value("dimensions");
  if (dimensions != null && dimensions.int(0) < 1) {
    return t.refuse("dimensions", "'dimensions' must be a whole number from 1 on.");
  }
  if (input.kind === STRING) return writeContent(input, "input", model, dimensions, t);
  if (input.kind !== ARRAY || input.isEmpty()) return refuseInput("input", t);
  if (input.count() > MOST_INPUTS) return t.refuse("input", "At most 2048 inputs may be embedded at a time.");
  t.w.object().key("requests").array();
  let index: i32 = 0;
  let text = input.first();
  while (text != null) {
    if (text.kind === NUMBER || text.kind === ARRAY) return t.refuseUnsupported("input", "Input in the form of tokens");
    if (!writeContent(text, at("input", index), model, dimensions, t)) return false;
    index++;
    text = text.next;
  }
  t.w.end().end();
  return true;
}

function writeContent(text: Json, param: string, model: string, dimensions: Json | null, t: Translation): boolean {
  if (text.kind !== STRING || text.isEmpty()) return refuseInput(param, t);
  t.w.object().key("model").string(resourceName(model));
  t.w.key("content").object().key("parts").array().object().key("text").json(text).end().end().end();
  if (dimensions != null) t.w.key("outputDimensionality").int(dimensions.int(0));
  t.w.end();
  return true;
}

function refuseInput(param: string, t: Translation): boolean {
  return t.refuse(param, "The input must be a string or an array of strings, none of them empty.");
}

/** Writes the answer as OpenAI's list of embeddings and takes down its usage; a problem when it does not fit the call. */
export function writeEmbeddings(answer: Json, call: ClientRequest, usage: Usage, out: ByteWriter): Problem | null {
  const batch = isBatch(call);
  const input = call.json.value("input");
  const expected: i32 = batch && input != null ? input.count() : 1;
  const embeddings = answer.value("embeddings");
  let embedding = embeddings == null ? answer.value("embedding") : embeddings.first();
  const base64 = call.json.string("encoding_format", "float") === "base64";
  const w = new JsonWriter(out).object().key("object").string("list").key("data").array();
  let index: i32 = 0;
  while (embedding != null) {
    const values = embedding.value("values");
    if (values == null || !isVector(values)) return providerError("The provider's answer holds no embedding.");
    w.object().key("object").string("embedding").key("index").int(index).key("embedding");
    if (base64) writeEncodedVector(values, w);
    else w.json(values);
    w.end();
    index++;
    embedding = embeddings == null ? null : embedding.next;
  }
  if (index !== expected) return providerError("The provider's answer does not hold an embedding for each input.");
  const counts = answer.value("usageMetadata");
  if (counts != null && counts.kind === OBJECT) readUsage(counts, usage);
  if (usage.prompt === 0) {
    usage.prompt = estimatePrompt(call.json);
    usage.source = USAGE_ESTIMATE;
  }
  w.end().key("model").string(call.model).key("usage").object();
  w.key("prompt_tokens").int(usage.prompt).key("total_tokens").int(usage.prompt).end().end();
  return null;
}
