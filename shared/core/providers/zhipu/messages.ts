import { findByte } from "../../bytes.ts";
import { ARRAY, Json, NULL, OBJECT, STRING } from "../../json.ts";
import { RequestTranslation as Translation } from "../../translation.ts";

/** The comma that ends a data URI's head lies within so many bytes. */
const LONGEST_HEAD: i32 = 256;

/** Writes `messages` and, behind the first system messages, what `t` has to tell the model. */
export function writeMessages(messages: Json, t: Translation): boolean {
  const w = t.w.key("messages").array();
  let told = false;
  let message = messages.first();
  let index: i32 = 0;
  while (message != null) {
    const at = "messages[" + index.toString() + "]";
    if (message.kind !== OBJECT) return t.refuse(at, "A message must be an object.");
    const role = message.value("role");
    if (role == null || role.kind !== STRING) return t.refuse(at + ".role", "A message must have a role.");
    if (!told && !role.is("system") && !role.is("developer")) {
      told = true;
      writeInstructions(t);
    }
    if (!writeMessage(message, role, at, t)) return false;
    index++;
    message = message.next;
  }
  if (!told) writeInstructions(t);
  w.end();
  return true;
}

function writeInstructions(t: Translation): void {
  if (t.instructions.length === 0) return;
  t.w.object().key("role").string("system").key("content").string(t.instructions.join("\n\n")).end();
}

function writeMessage(message: Json, role: Json, at: string, t: Translation): boolean {
  if (role.is("function")) return t.refuseUnsupported(at + ".role", "The role 'function'");
  const developer = role.is("developer");
  const assistant = role.is("assistant");
  const w = t.w.object().key("role");
  if (developer) w.string("system");
  else w.json(role);
  let calls: Json | null = null;
  if (assistant) calls = message.value("tool_calls");
  const content = contentOf(message, assistant);
  if (content != null && (calls == null || !content.isEmpty())) {
    if (!writeContent(content, role.is("user"), at + ".content", t)) return false;
  } else if (calls == null) w.key("content").string("");
  let member = message.first();
  while (member != null) {
    if (member.isKey("function_call") && member.kind !== NULL)
      return t.refuseUnsupported(at + ".function_call", "A call in the old form");
    // What the API does not know, a message's author by name above all, is answered 1214.
    if (member.kind !== NULL && isKnown(member)) w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
  return true;
}

/** What an assistant refused is what it said. */
function contentOf(message: Json, assistant: boolean): Json | null {
  const content = message.value("content");
  return content == null && assistant ? message.value("refusal") : content;
}

function isKnown(member: Json): boolean {
  return member.isKey("tool_calls") || member.isKey("tool_call_id") || member.isKey("reasoning_content");
}

/** Texts become one string, the only form that every model takes; a user's parts stay a list when one is no text. */
function writeContent(content: Json, user: boolean, at: string, t: Translation): boolean {
  if (content.kind === STRING) {
    t.w.key("content").json(content);
    return true;
  }
  if (content.kind !== ARRAY) return t.refuse(at, "A message's content must be a string or an array.");
  const texts = new Array<string>();
  let mixed = false;
  let part = content.first();
  while (part != null) {
    const type = part.value("type");
    if (part.kind !== OBJECT || type == null) return t.refuse(at, "A part of a message must be an object with a type.");
    if (type.is("text")) texts.push(part.string("text", ""));
    else if (type.is("refusal")) texts.push(part.string("refusal", ""));
    else if (user) mixed = true;
    else return t.refuse(at, "Only a user's message may hold parts other than text.");
    part = part.next;
  }
  if (mixed) return writeParts(content, at, t);
  t.w.key("content").string(texts.join("\n"));
  return true;
}

function writeParts(parts: Json, at: string, t: Translation): boolean {
  const w = t.w.key("content").array();
  let part = parts.first();
  while (part != null) {
    const type = part.value("type");
    if (type != null && type.is("image_url")) {
      if (!writeImage(part, at, t)) return false;
    } else if (type != null && (type.is("input_audio") || type.is("file"))) {
      return t.refuseUnsupported(at, "A part of type '" + type.text() + "'");
    } else w.json(part);
    part = part.next;
  }
  w.end();
  return true;
}

/** The API takes an image's address, or its base64 alone: the head of a data URI is cut off. */
function writeImage(part: Json, at: string, t: Translation): boolean {
  const image = part.value("image_url");
  let url: Json | null = image;
  if (image != null && image.kind === OBJECT) url = image.value("url");
  if (url == null || url.kind !== STRING) return t.refuse(at, "An image must have a URL.");
  const w = t.w.object().key("type").string("image_url").key("image_url").object().key("url");
  const from = dataStart(url);
  if (from < 0) w.json(url);
  else {
    w.raw('"');
    t.out.copy(url.source, from, url.end).byte(0x22);
  }
  w.end().end();
  return true;
}

/** Where the base64 of a data URI starts in the string's source; -1 when it is none. */
function dataStart(url: Json): i32 {
  const most = url.end - url.start > LONGEST_HEAD ? url.start + LONGEST_HEAD : url.end;
  const comma = findByte(url.source, 0x2c, url.start, most);
  if (comma < 0) return -1;
  const head = new Json(STRING, url.source, url.start, comma).text();
  return head.startsWith("data:") && head.endsWith(";base64") ? comma + 1 : -1;
}
