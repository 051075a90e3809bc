import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { at } from "../../translation.ts";
import { Translation } from "./translation.ts";

/**
 * Writes a message's content as its service wants it: parts without types for the multimodal one, else text. `plain`
 * content is text whatever the service (what a system says, an assistant said, a tool answered).
 */
export function writeContent(content: Json | null, param: string, plain: boolean, t: Translation): boolean {
  if (content == null) {
    writeText(null, t);
    return true;
  }
  if (content.kind === STRING) {
    writeText(content, t);
    return true;
  }
  if (content.kind !== ARRAY) {
    return t.refuse(param, "A message's content must be a string or an array of content parts.");
  }
  return t.multimodal ? writeParts(content, param, plain, t) : writeJoined(content, param, t);
}

function writeText(text: Json | null, t: Translation): void {
  const w = t.w;
  if (t.multimodal) w.array().object().key("text");
  if (text == null) w.string("");
  else w.json(text);
  if (t.multimodal) w.end().end();
}

/** Writes the texts of the parts as one, a line each. */
function writeJoined(content: Json, param: string, t: Translation): boolean {
  t.w.raw('"');
  let index: i32 = 0;
  let part = content.first();
  while (part != null) {
    const text = textOfPart(part, at(param, index), t);
    if (text == null) return false;
    if (index > 0) t.out.ascii("\\n");
    t.out.copy(text.source, text.start, text.end);
    index++;
    part = part.next;
  }
  t.out.byte(0x22);
  return true;
}

function writeParts(content: Json, param: string, plain: boolean, t: Translation): boolean {
  if (content.isEmpty()) {
    writeText(null, t);
    return true;
  }
  t.w.array();
  let index: i32 = 0;
  let part = content.first();
  while (part != null) {
    if (!writePart(part, at(param, index), plain, t)) return false;
    index++;
    part = part.next;
  }
  t.w.end();
  return true;
}

function writePart(part: Json, param: string, plain: boolean, t: Translation): boolean {
  const type = part.value("type");
  if (plain || type == null || type.is("text") || type.is("refusal")) {
    const text = textOfPart(part, param, t);
    if (text == null) return false;
    t.w.object().key("text").json(text).end();
    return true;
  }
  if (type.is("image_url")) return writeLink(part, "image_url", "image", param, t);
  // What DashScope takes beyond OpenAI's parts, spelled as in its compatible mode.
  if (type.is("video_url")) return writeLink(part, "video_url", "video", param, t);
  if (type.is("video")) {
    const frames = part.value("video");
    if (frames == null || (frames.kind !== ARRAY && frames.kind !== STRING)) return t.refuseMissing(param + ".video");
    t.w.object().key("video").json(frames).end();
    return true;
  }
  if (type.is("input_audio")) return writeAudio(part.value("input_audio"), param + ".input_audio", t);
  if (type.is("file")) return t.refuseUnsupported(param, "A file");
  return t.refuse(
    param + ".type",
    "A content part's type must be one of 'text', 'image_url', 'input_audio', 'video_url' and 'video'.",
  );
}

/** Writes a part that refers to something by URL or data URI, in its sender's spelling. */
function writeLink(part: Json, member: string, name: string, param: string, t: Translation): boolean {
  const link = part.value(member);
  if (link == null) return t.refuseMissing(param + "." + member);
  // Some clients give the URL itself instead of an object.
  const url = link.kind === STRING ? link : link.value("url");
  if (url == null || url.kind !== STRING || url.isEmpty()) return t.refuseMissing(param + "." + member + ".url");
  t.w.object().key(name).json(url).end();
  return true;
}

/** Audio is base64 at OpenAI (or, an extension of DashScope's, a URL); here it is always a URI. */
function writeAudio(audio: Json | null, param: string, t: Translation): boolean {
  if (audio == null || audio.kind !== OBJECT) return t.refuseMissing(param);
  const data = audio.value("data");
  if (data == null || data.kind !== STRING || data.isEmpty()) return t.refuseMissing(param + ".data");
  t.w.object().key("audio").raw('"');
  if (!isUri(data)) {
    const format = audio.string("format", "wav");
    t.out.ascii("data:audio/").escaped(format).ascii(";base64,");
  }
  t.out.copy(data.source, data.start, data.end).byte(0x22);
  t.w.end();
  return true;
}

function isUri(data: Json): boolean {
  const most = data.end - data.start > 8 ? data.start + 8 : data.end;
  // A colon is no letter of base64.
  for (let i: i32 = data.start; i < most; i++) {
    if ((data.source[i] as i32) === 0x3a) return true;
  }
  return false;
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
