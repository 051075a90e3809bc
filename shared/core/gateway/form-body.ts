import { ByteWriter } from "../byte-writer.ts";
import { ClientRequest, IMAGE_EDITS } from "../exchange.ts";
import { Json } from "../json.ts";
import { JsonWriter } from "../json-writer.ts";
import { boundaryOf, Form, FormPart, isFormType } from "../multipart.ts";
import { invalidRequest, Problem } from "../problem.ts";
import { checkCall, ReadBody } from "./body.ts";

/** Digits of the longest number that a field of a form is taken for. */
const LONGEST_NUMBER: i32 = 9;

/** Reads the body of a call for edits of images, which is a form; `created` is Unix time in seconds. */
export function readForm(body: Uint8Array, contentType: string, created: i32): ReadBody {
  const result = new ReadBody();
  const boundary = boundaryOf(contentType);
  if (boundary.length === 0) {
    const message = isFormType(contentType)
      ? "The content type must name one boundary: `multipart/form-data; boundary=…`."
      : "This endpoint takes `multipart/form-data`, with the image as a file.";
    result.problem = invalidRequest(message, "content-type", "invalid_content_type");
    return result;
  }
  const form = new Form(body, boundary);
  result.problem = form.wrong.length > 0 ? invalidRequest(form.wrong, "", "invalid_form") : checkFiles(form);
  if (result.problem != null) return result;
  const json = Json.parse(fieldsOf(form));
  if (json == null) return result;
  result.problem = checkCall(IMAGE_EDITS, json);
  if (result.problem != null) return result;
  const call = new ClientRequest(IMAGE_EDITS, body, json, created);
  call.form = form;
  result.call = call;
  return result;
}

/** There must be an image; and nothing but text may say which model serves. */
function checkFiles(form: Form): Problem | null {
  let images: i32 = 0;
  for (let i: i32 = 0; i < form.parts.length; i++) {
    const part = form.parts[i]!;
    if (!part.isFile) continue;
    if (part.name.toLowerCase() === "model") {
      return invalidRequest("`model` must be a field, not a file.", "model", "invalid_type");
    }
    if (part.isImage()) images++;
  }
  return images > 0
    ? null
    : invalidRequest("You must provide an `image` as a file.", "image", "missing_required_parameter");
}

/** The fields of the form that are text, as the JSON object that other endpoints take. */
function fieldsOf(form: Form): Uint8Array {
  const out = new ByteWriter(1024);
  const w = new JsonWriter(out).object();
  for (let i: i32 = 0; i < form.parts.length; i++) {
    const part = form.parts[i]!;
    if (!part.isFile) writeField(part, w.key(part.name));
  }
  w.end();
  return out.take();
}

/** A form has texts only: `n` is meant as a number, `stream` as true or false. */
function writeField(part: FormPart, w: JsonWriter): void {
  const text = part.text();
  if (part.name === "n" && isNumber(text)) w.raw(text);
  else if (part.name === "stream" && (text === "true" || text === "false")) w.raw(text);
  else w.string(text);
}

function isNumber(text: string): boolean {
  if (text.length === 0 || text.length > LONGEST_NUMBER || (text.length > 1 && text.startsWith("0"))) return false;
  for (let i: i32 = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return false;
  }
  return true;
}
