import { ByteWriter } from "../../byte-writer.ts";
import { asciiText } from "../../bytes.ts";
import { Json, STRING } from "../../json.ts";
import { firstOf } from "../../json-path.ts";
import { JsonWriter } from "../../json-writer.ts";
import { sha256Hex } from "../../sha256.ts";

/** The longest name that the API takes. */
const LONGEST_NAME: i32 = 128;
/** What of a longer name stays, before `_` and the beginning of its hash. */
const KEPT_NAME: i32 = 119;
const HASH_DIGITS: i32 = 8;

/** Whether the string is a tool's name as the API takes it: `[a-zA-Z0-9_-]{1,128}`. */
function isToolName(name: Json): boolean {
  return isPlain(name) && name.end > name.start && name.end - name.start <= LONGEST_NAME;
}

/**
 * The name under which the API knows a tool. One that it would refuse (`server.tool`, or a longer one) is spelled as ids
 * are, and shortened; `ToolNames` finds the client's own again.
 */
export function toolNameOf(name: Json): string {
  if (isToolName(name)) return name.text();
  const plain = new ByteWriter(name.end - name.start);
  plain.text(name.text());
  const out = new ByteWriter(plain.length + 16);
  writePlain(plain, out);
  if (out.length <= LONGEST_NAME) return asciiText(out.bytes, 0, out.length);
  const hash = sha256Hex(plain.bytes, 0, plain.length).substring(0, HASH_DIGITS);
  return asciiText(out.bytes, 0, KEPT_NAME) + "_" + hash;
}

/** The client's own names of those tools of a request that the API knows under another. */
export class ToolNames {
  private readonly names: Map<string, string> = new Map<string, string>();

  constructor(request: Json) {
    const tools = request.value("tools");
    let tool = firstOf(tools != null ? tools : request.value("functions"));
    while (tool != null) {
      const wrapped = tool.value("function");
      const name = (wrapped != null ? wrapped : tool).value("name");
      if (name != null && name.kind === STRING && !isToolName(name)) this.names.set(toolNameOf(name), name.text());
      tool = tool.next;
    }
  }

  /** Writes the name of a called tool as the client knows it. */
  write(name: Json | null, w: JsonWriter): void {
    if (name == null || name.kind !== STRING) {
      w.string("");
      return;
    }
    const known = this.names.size > 0 ? name.text() : "";
    if (this.names.has(known)) w.string(this.names.get(known)!);
    else w.json(name);
  }
}

/**
 * Writes a tool call's id. Other providers' ids may hold what this API refuses (`|`, `:`); each such byte becomes `_` and
 * two hexadecimal digits, so that a call and its result still name the same, and two calls never do.
 */
export function writeId(id: Json, w: JsonWriter): void {
  if (isPlain(id)) {
    w.json(id);
    return;
  }
  const decoded = new ByteWriter(id.end - id.start);
  decoded.text(id.text());
  w.raw('"');
  writePlain(decoded, w.out);
  w.out.byte(0x22);
}

function writePlain(text: ByteWriter, out: ByteWriter): void {
  for (let i: i32 = 0; i < text.length; i++) {
    const c = text.bytes[i] as i32;
    if (isPlainByte(c)) out.byte(c);
    else
      out
        .byte(0x5f)
        .byte(hexDigit(c >> 4))
        .byte(hexDigit(c & 15));
  }
}

/** Whether each byte of the string's spelling is one of `a-z A-Z 0-9 _ -`. */
function isPlain(text: Json): boolean {
  for (let i: i32 = text.start; i < text.end; i++) {
    if (!isPlainByte(text.source[i] as i32)) return false;
  }
  return true;
}

function isPlainByte(c: i32): boolean {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 0x5f || c === 0x2d;
}

function hexDigit(value: i32): i32 {
  return value < 10 ? 48 + value : 87 + value;
}
