import { ClientRequest } from "../exchange.ts";
import { ARRAY, Json, NUMBER, STRING } from "../json.ts";
import { at, RequestTranslation } from "../translation.ts";

/** OpenAI's own bound on the inputs of one call. */
const MOST_INPUTS: i32 = 2048;

/**
 * The texts of a call for embeddings, whose other fields are checked too (`t.problem`). Tokens of OpenAI's vocabulary mean
 * nothing to another vendor's model.
 * @see https://platform.openai.com/docs/api-reference/embeddings/create
 */
export function readInputs(call: ClientRequest, t: RequestTranslation): Array<Json> {
  const texts = new Array<Json>();
  const format = call.json.value("encoding_format");
  if (format != null && !format.is("float") && !format.is("base64")) {
    t.refuse("encoding_format", "'encoding_format' must be one of 'float' and 'base64'.");
  }
  const dimensions = call.json.value("dimensions");
  if (dimensions != null && dimensions.int(0) < 1) {
    t.refuse("dimensions", "'dimensions' must be a whole number from 1 on.");
  }
  const input = call.json.value("input");
  if (input == null) t.refuseMissing("input");
  else if (input.kind !== ARRAY) add(input, "input", t, texts);
  else if (input.isEmpty()) refuse("input", t);
  else {
    let text = input.first();
    while (text != null && t.problem == null) {
      if (texts.length === MOST_INPUTS) t.refuse("input", "At most 2048 inputs may be embedded at a time.");
      else if (text.kind === NUMBER || text.kind === ARRAY) t.refuseUnsupported("input", "Input in the form of tokens");
      else add(text, at("input", texts.length), t, texts);
      text = text.next;
    }
  }
  return texts;
}

/** Whether the client asks for a list of embeddings, or for one. */
export function asksForList(call: ClientRequest): boolean {
  const input = call.json.value("input");
  return input != null && input.kind === ARRAY;
}

function add(text: Json, param: string, t: RequestTranslation, texts: Array<Json>): void {
  if (text.kind !== STRING || text.isEmpty()) refuse(param, t);
  else texts.push(text);
}

function refuse(param: string, t: RequestTranslation): void {
  t.refuse(param, "The input must be a string or an array of strings, none of them empty.");
}
