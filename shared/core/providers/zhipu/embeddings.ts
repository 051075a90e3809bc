import { ByteWriter } from "../../byte-writer.ts";
import { isVector, writeEncodedVector } from "../../embedding-vector.ts";
import { ClientRequest } from "../../exchange.ts";
import { ARRAY, Json, NULL, OBJECT, STRING } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { RequestTranslation as Translation } from "../../translation.ts";

/**
 * Writes the body of a call for embeddings; false when it cannot be expressed (`t.problem`). The API always answers
 * numbers and takes texts only.
 * @see https://docs.bigmodel.cn/api-reference
 */
export function writeEmbeddingRequest(call: ClientRequest, model: string, t: Translation): boolean {
  const input = call.json.value("input");
  if (input != null && !isText(input)) return t.refuseUnsupported("input", "Input in the form of tokens");
  const w = t.w.object().key("model").string(model);
  let member = call.json.first();
  while (member != null) {
    const left = member.kind === NULL || member.isKey("model");
    if (!left && !member.isKey("encoding_format") && !member.isKey("user")) w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
  return true;
}

function isText(input: Json): boolean {
  if (input.kind === STRING) return true;
  if (input.kind !== ARRAY) return false;
  let text = input.first();
  while (text != null) {
    if (text.kind !== STRING) return false;
    text = text.next;
  }
  return true;
}

/** Writes the list of embeddings, each as the client asked for it; false when the answer is none. */
export function writeEmbeddings(answer: Json, call: ClientRequest, out: ByteWriter): boolean {
  const data = answer.value("data");
  if (data == null || data.kind !== ARRAY) return false;
  const base64 = call.json.string("encoding_format", "float") === "base64";
  const w = new JsonWriter(out).object().key("object").string("list").key("data").array();
  let entry = data.first();
  while (entry != null) {
    const vector = entry.value("embedding");
    if (entry.kind !== OBJECT || vector == null || !isVector(vector)) return false;
    w.object().key("object").string("embedding").key("index").int(entry.count32("index", 0)).key("embedding");
    if (base64) writeEncodedVector(vector, w);
    else w.json(vector);
    w.end();
    entry = entry.next;
  }
  w.end();
  let member = answer.first();
  while (member != null) {
    if (!member.isKey("object") && !member.isKey("data")) w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
  return true;
}
