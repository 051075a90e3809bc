import { ByteWriter } from "../../byte-writer.ts";
import { Json } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";

/** The longest name that the API takes. */
const LONGEST_NAME: i32 = 128;

/** Whether the string is a tool's name as the API takes it: `[a-zA-Z0-9_-]{1,128}`. */
export function isToolName(name: Json): boolean {
  return isPlain(name) && name.end > name.start && name.end - name.start <= LONGEST_NAME;
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
  for (let i: i32 = 0; i < decoded.length; i++) {
    const c = decoded.bytes[i] as i32;
    if (isPlainByte(c)) w.out.byte(c);
    else
      w.out
        .byte(0x5f)
        .byte(hexDigit(c >> 4))
        .byte(hexDigit(c & 15));
  }
  w.out.byte(0x22);
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
