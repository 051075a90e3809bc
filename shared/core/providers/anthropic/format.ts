import { STRUCTURED_OUTPUT } from "../../capabilities.ts";
import { Json, OBJECT, STRING } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { RequestTranslation as Translation } from "../../translation.ts";
import { isOpenSchema } from "./schema.ts";

/** What `response_format` comes to. */
export class Format {
  /** The schema that the API is to hold the answer to, or null. */
  schema: Json | null = null;
}

/** Reads `response_format`; null when it is wrong (`t.problem`). What the API cannot enforce the model is asked for. */
export function readFormat(asked: Json | null, t: Translation): Format | null {
  const format = new Format();
  if (asked == null) return format;
  const type = asked.value("type");
  if (asked.kind !== OBJECT || type == null || type.kind !== STRING) {
    t.refuseMissing("response_format.type");
    return null;
  }
  if (type.is("text")) return format;
  if (type.is("json_object")) {
    t.instructions.push("Answer with one valid JSON object and nothing else: no explanation, no code fence.");
    return format;
  }
  if (!type.is("json_schema")) {
    t.refuse("response_format.type", "'response_format.type' must be one of 'text', 'json_object' and 'json_schema'.");
    return null;
  }
  const wrapper = asked.value("json_schema");
  const schema = memberOf(wrapper, "schema");
  if (schema == null || schema.kind !== OBJECT) {
    t.refuseMissing("response_format.json_schema.schema");
    return null;
  }
  if (t.capabilities.has(STRUCTURED_OUTPUT) && !isOpenSchema(schema)) {
    format.schema = schema;
    return format;
  }
  if (!t.drop("response_format")) return null;
  t.instructions.push(
    "Answer with JSON and nothing else: no explanation, no code fence. It must be valid against this JSON Schema:\n" +
      schema.text(),
  );
  return format;
}
