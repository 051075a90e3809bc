import { ByteWriter } from "../../byte-writer.ts";
import { ClientRequest } from "../../exchange.ts";
import { JsonWriter } from "../../json-writer.ts";
import { readToolChoice } from "../../tool-choice.ts";
import { RequestTranslation as Translation } from "../../translation.ts";
import { writeContents } from "./contents.ts";
import { readFields } from "./fields.ts";
import { writeGeneration } from "./generation.ts";
import { writeTools } from "./tools.ts";

/**
 * Writes the body of a call of `generateContent` for a chat; false when it cannot be expressed (`t.problem`).
 * @see https://ai.google.dev/api/generate-content
 */
export function writeRequest(call: ClientRequest, t: Translation): boolean {
  const fields = readFields(call.json, t);
  if (fields == null) return false;
  const choice = readToolChoice(fields, t);
  if (choice == null) return false;
  // Before the messages, as it may add instructions to them.
  const generation = new ByteWriter(256);
  const w = new JsonWriter(generation).object();
  if (!writeGeneration(fields, t, w)) return false;
  w.end();

  t.w.object();
  if (!writeContents(fields.messages, t)) return false;
  if (!writeTools(fields, choice, t)) return false;
  if (generation.length > 2) t.w.key("generationConfig").copy(generation.bytes, 0, generation.length);
  t.w.end();
  return true;
}
