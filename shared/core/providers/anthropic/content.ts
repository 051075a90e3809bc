import { ARRAY, Json, STRING } from "../../json.ts";
import { isBlankJson, trimEndJson } from "../../json-text.ts";
import { JsonWriter } from "../../json-writer.ts";
import { at, RequestTranslation as Translation } from "../../translation.ts";
import { writeDocument, writeImage } from "./attachment.ts";
import { ASSISTANT_TURN, USER_TURN } from "./place.ts";
import { Turns } from "./turns.ts";

/**
 * Writes what a user says (or a tool answers) as blocks of the user's turn; blank text, which no block may be, is left out.
 * `mark`, here and below: the message's own cache mark, of a content that is a string; parts have theirs.
 */
export function writeContent(content: Json, mark: Json | null, param: string, t: Translation, turns: Turns): boolean {
  if (content.kind === STRING) {
    if (isBlank(content)) return true;
    turns.open(USER_TURN);
    writeText(content, mark, t.w);
    return true;
  }
  if (content.kind !== ARRAY) return refuseContent(param, t);
  let index: i32 = 0;
  let part = content.first();
  while (part != null) {
    if (!writePart(part, at(param, index), t, turns)) return false;
    index++;
    part = part.next;
  }
  return true;
}

function writePart(part: Json, param: string, t: Translation, turns: Turns): boolean {
  const type = part.value("type");
  if (type == null || type.kind !== STRING) return t.refuseMissing(param + ".type");
  if (type.is("text")) {
    const text = textOfPart(part, param, t);
    if (text == null) return false;
    if (isBlank(text)) return true;
    turns.open(USER_TURN);
    writeText(text, part.value("cache_control"), t.w);
    return true;
  }
  if (type.is("image_url")) {
    turns.open(USER_TURN);
    return writeImage(part, param, t);
  }
  if (type.is("file")) {
    turns.open(USER_TURN);
    return writeDocument(part, param, t);
  }
  if (type.is("input_audio")) return t.refuseUnsupported(param, "Audio input");
  return t.refuse(param + ".type", "A content part's type must be one of 'text', 'image_url' and 'file'.");
}

/** Writes a system message's text as blocks. */
export function writeInstruction(
  content: Json,
  mark: Json | null,
  param: string,
  t: Translation,
  w: JsonWriter,
): boolean {
  if (content.kind === STRING) {
    if (!isBlank(content)) writeText(content, mark, w);
    return true;
  }
  if (content.kind !== ARRAY) return refuseContent(param, t);
  let index: i32 = 0;
  let part = content.first();
  while (part != null) {
    const text = textOfPart(part, at(param, index), t);
    if (text == null) return false;
    if (!isBlank(text)) writeText(text, part.value("cache_control"), w);
    index++;
    part = part.next;
  }
  return true;
}

/** Writes what an assistant said. In the `final` turn, which the model goes on from, text must not end in white space. */
export function writeSpeech(
  content: Json,
  mark: Json | null,
  param: string,
  final: boolean,
  t: Translation,
  turns: Turns,
): boolean {
  if (content.kind === STRING) {
    writeSpoken(content, mark, final, t, turns);
    return true;
  }
  if (content.kind !== ARRAY) return refuseContent(param, t);
  let index: i32 = 0;
  let part = content.first();
  while (part != null) {
    const text = textOfPart(part, at(param, index), t);
    if (text == null) return false;
    writeSpoken(text, part.value("cache_control"), final, t, turns);
    index++;
    part = part.next;
  }
  return true;
}

function writeSpoken(text: Json, mark: Json | null, final: boolean, t: Translation, turns: Turns): void {
  if (isBlank(text)) return;
  turns.open(ASSISTANT_TURN);
  if (!final) {
    writeText(text, mark, t.w);
    return;
  }
  t.w.object().key("type").string("text").key("text");
  t.w.copy(text.source, text.start - 1, trimEndJson(text.source, text.start, text.end));
  t.out.byte(0x22);
  t.w.end();
}

/** Writes a text block. A cache mark (Anthropic's own extension) is kept. */
function writeText(text: Json, mark: Json | null, w: JsonWriter): void {
  w.object().key("type").string("text").key("text").json(text);
  if (mark != null) w.key("cache_control").json(mark);
  w.end();
}

/** The text of a part that must hold text; null with `t.problem` when it does not. */
function textOfPart(part: Json, param: string, t: Translation): Json | null {
  const type = part.value("type");
  if (type != null && !type.is("text") && !type.is("refusal")) {
    t.refuse(param + ".type", "A content part of this message must be of type 'text'.");
    return null;
  }
  const name = type != null && type.is("refusal") ? "refusal" : "text";
  const text = part.value(name);
  if (text == null || text.kind !== STRING) {
    t.refuse(param + "." + name, "A content part of type '" + name + "' must have a string of that name.");
    return null;
  }
  return text;
}

/** Whether the content, or a part of it, is text that is not blank. */
export function hasText(content: Json): boolean {
  if (content.kind === STRING) return !isBlank(content);
  let part = content.first();
  while (part != null) {
    const text = part.value("text");
    if (text != null && text.kind === STRING && !isBlank(text)) return true;
    part = part.next;
  }
  return false;
}

function isBlank(text: Json): boolean {
  return isBlankJson(text.source, text.start, text.end);
}

function refuseContent(param: string, t: Translation): boolean {
  return t.refuse(param, "A message's content must be a string or an array of content parts.");
}
