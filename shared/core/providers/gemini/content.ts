import { ByteWriter } from "../../byte-writer.ts";
import { ARRAY, Json, STRING } from "../../json.ts";
import { unescapeJson } from "../../json-text.ts";
import { JsonWriter } from "../../json-writer.ts";
import { at, RequestTranslation as Translation } from "../../translation.ts";
import { writeAudio, writeFile, writeImage } from "./attachment.ts";
import { Turns, USER_TURN } from "./turns.ts";

/** Writes what a user says as parts of the user's turn. */
export function writeContent(content: Json, param: string, t: Translation, turns: Turns): boolean {
  if (content.kind === STRING) {
    if (content.isEmpty()) return true;
    turns.open(USER_TURN);
    writeText(content, t.w);
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
    if (text.isEmpty()) return true;
    turns.open(USER_TURN);
    writeText(text, t.w);
    return true;
  }
  turns.open(USER_TURN);
  if (type.is("image_url")) return writeImage(part, param, t);
  if (type.is("file")) return writeFile(part, param, t);
  if (type.is("input_audio")) return writeAudio(part, param, t);
  return t.refuse(
    param + ".type",
    "A content part's type must be one of 'text', 'image_url', 'input_audio' and 'file'.",
  );
}

/** Writes content that may be text only, as parts; `turns` opens the turn of `side` before the first, unless null. */
export function writeTexts(
  content: Json,
  param: string,
  side: i32,
  turns: Turns | null,
  t: Translation,
  w: JsonWriter,
): boolean {
  if (content.kind !== STRING && content.kind !== ARRAY) return refuseContent(param, t);
  let index: i32 = 0;
  let part: Json | null = content.kind === STRING ? content : content.first();
  while (part != null) {
    const text = content.kind === STRING ? part : textOfPart(part, at(param, index), t);
    if (text == null) return false;
    if (!text.isEmpty()) {
      if (turns != null) turns.open(side);
      writeText(text, w);
    }
    index++;
    part = content.kind === STRING ? null : part.next;
  }
  return true;
}

/** The texts of content that may be text only, joined and decoded to UTF-8; false with `t.problem` when it is not. */
export function joinTexts(content: Json, param: string, t: Translation, out: ByteWriter): boolean {
  if (content.kind !== STRING && content.kind !== ARRAY) return refuseContent(param, t);
  let index: i32 = 0;
  let part: Json | null = content.kind === STRING ? content : content.first();
  while (part != null) {
    const text = content.kind === STRING ? part : textOfPart(part, at(param, index), t);
    if (text == null) return false;
    unescapeJson(text.source, text.start, text.end, out);
    index++;
    part = content.kind === STRING ? null : part.next;
  }
  return true;
}

function writeText(text: Json, w: JsonWriter): void {
  w.object().key("text").json(text).end();
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

function refuseContent(param: string, t: Translation): boolean {
  return t.refuse(param, "A message's content must be a string or an array of content parts.");
}
