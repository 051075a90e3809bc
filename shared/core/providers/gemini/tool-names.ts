import { Json, STRING } from "../../json.ts";
import { firstOf } from "../../json-path.ts";
import { JsonWriter } from "../../json-writer.ts";

/** The longest name that the API takes. */
const LONGEST_NAME: i32 = 128;

/** Whether the string is a function's name as OpenAI and this API know it, but for what it begins with. */
export function isToolName(name: Json): boolean {
  const length = name.end - name.start;
  if (length === 0 || length >= LONGEST_NAME) return false;
  for (let i: i32 = name.start; i < name.end; i++) {
    const c = name.source[i] as i32;
    if (!isLetter(c) && !isTail(c) && c !== 0x2e && c !== 0x3a) return false;
  }
  return true;
}

/** Writes a function's name; the API's names begin with a letter or `_`, OpenAI's also with a digit or `-`. */
export function writeToolName(name: Json, w: JsonWriter): void {
  if (!name.isEmpty() && isTail(name.source[name.start] as i32)) {
    w.raw('"_').out.copy(name.source, name.start, name.end).byte(0x22);
  } else w.json(name);
}

/** Writes the name of a called function as the client knows it; `tools` are the request's, to tell which that is. */
export function writeCalledName(name: Json | null, tools: Json | null, w: JsonWriter): void {
  if (name == null || name.kind !== STRING) {
    w.string("");
    return;
  }
  const text = name.text();
  if (text.length > 1 && text.charCodeAt(0) === 0x5f && isTail(text.charCodeAt(1)) && !isNamed(text, tools)) {
    w.string(text.substring(1));
  } else w.json(name);
}

/** Whether one of the request's tools (or functions, in the old way) has the name. */
function isNamed(name: string, tools: Json | null): boolean {
  let tool = firstOf(tools);
  while (tool != null) {
    const described = tool.value("function");
    const named = described == null ? tool : described;
    if (named.string("name", "") === name) return true;
    tool = tool.next;
  }
  return false;
}

function isLetter(c: i32): boolean {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 0x5f;
}

function isTail(c: i32): boolean {
  return (c >= 48 && c <= 57) || c === 0x2d;
}
