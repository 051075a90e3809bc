import { findByte } from "../../bytes.ts";
import { ARRAY, Json, NULL, OBJECT, STRING } from "../../json.ts";
import { isBlankJson } from "../../json-text.ts";
import { RequestTranslation as Translation } from "../../translation.ts";

/** The comma that ends a data URI's head lies within so many bytes. */
const LONGEST_HEAD: i32 = 256;
/** What a user or a tool said who said nothing. */
const NOTHING_SAID: string = "(empty)";

/**
 * Writes `messages` and, behind the first system messages, what `t` has to tell the model. The API answers 1214 to a
 * message without text and to a chat in which nobody but the system and the assistant speaks.
 */
export function writeMessages(messages: Json, t: Translation): boolean {
  const w = t.w.key("messages").array();
  const asUser = promotedPlace(messages);
  let told = false;
  let spoken = false;
  let message = messages.first();
  let index: i32 = 0;
  while (message != null) {
    const at = "messages[" + index.toString() + "]";
    if (message.kind !== OBJECT) return t.refuse(at, "A message must be an object.");
    const role = message.value("role");
    if (role == null || role.kind !== STRING) return t.refuse(at + ".role", "A message must have a role.");
    const user = role.is("user") || index === asUser;
    const system = !user && isSystem(role);
    if (!told && !system) {
      told = true;
      writeInstructions(t);
    }
    if (user || role.is("tool")) spoken = true;
    if (!writeMessage(message, user ? "user" : system ? "system" : role.text(), at, t)) return false;
    index++;
    message = message.next;
  }
  if (!spoken) return t.refuse("messages", "This model needs a message of the user's.");
  w.end();
  return true;
}

/** A chat of nothing but instructions is legal for OpenAI: the last of them is then what the user says. -1 for none. */
function promotedPlace(messages: Json): i32 {
  let last: i32 = -1;
  let index: i32 = 0;
  let message = messages.first();
  while (message != null) {
    const role = message.value("role");
    if (role != null && isSystem(role)) last = index;
    if (role != null && (role.is("user") || role.is("tool"))) return -1;
    index++;
    message = message.next;
  }
  return last;
}

function isSystem(role: Json): boolean {
  return role.is("system") || role.is("developer");
}

function writeInstructions(t: Translation): void {
  if (t.instructions.length === 0) return;
  t.w.object().key("role").string("system").key("content").string(t.instructions.join("\n\n")).end();
}

function writeMessage(message: Json, role: string, at: string, t: Translation): boolean {
  if (role === "function") return t.refuseUnsupported(at + ".role", "The role 'function'");
  const assistant = role === "assistant";
  let calls: Json | null = null;
  if (assistant) calls = message.value("tool_calls");
  if (calls != null && calls.isEmpty()) calls = null;
  const content = contentOf(message, assistant);
  const silent = isSilent(content);
  // A turn in which nothing is said or called tells the model nothing.
  if (silent && calls == null && (assistant || role === "system")) return true;
  const w = t.w.object().key("role").string(role);
  if (content != null && !silent) {
    if (!writeContent(content, role === "user", at + ".content", t)) return false;
  } else if (calls == null) w.key("content").string(NOTHING_SAID);
  let member = message.first();
  while (member != null) {
    if (member.isKey("function_call") && member.kind !== NULL)
      return t.refuseUnsupported(at + ".function_call", "A call in the old form");
    // What the API does not know, a message's author by name above all, is answered 1214.
    if (member.kind !== NULL && isKnown(member) && (calls != null || !member.isKey("tool_calls")))
      w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
  return true;
}

/** Whether the content is no text, or blank; parts of other types say something. */
function isSilent(content: Json | null): boolean {
  if (content == null) return true;
  if (content.kind === STRING) return isBlankJson(content.source, content.start, content.end);
  if (content.kind !== ARRAY) return false;
  let part = content.first();
  while (part != null) {
    if (!isBlankPart(part)) return false;
    part = part.next;
  }
  return true;
}

function isBlankPart(part: Json): boolean {
  const type = part.value("type");
  if (type == null || !(type.is("text") || type.is("refusal"))) return false;
  const text = part.value(type.text());
  return text == null || (text.kind === STRING && isBlankJson(text.source, text.start, text.end));
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
    } else if (!isBlankPart(part)) w.json(part);
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
