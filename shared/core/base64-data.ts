import { ByteWriter } from "./byte-writer.ts";
import { BACKSLASH, findByte } from "./bytes.ts";
import { Json, STRING } from "./json.ts";
import { escapeJson, unescapeJson } from "./json-text.ts";
import { JsonWriter } from "./json-writer.ts";

/** The comma that ends a data URI's head lies within so many bytes. */
const LONGEST_HEAD: i32 = 256;
/** What a PDF starts with ("%PDF-"), in base64. */
const PDF_START: string = "JVBERi";

/** An attachment in base64: the end of a JSON string, which may be a data URI (`data:TYPE;base64,DATA`). */
export class Base64Data {
  readonly mediaType: string;
  private readonly text: Json;
  /** Where the base64 starts in the string's source; it ends with the string. */
  private readonly start: i32;

  constructor(mediaType: string, text: Json, start: i32) {
    this.mediaType = mediaType;
    this.text = text;
    this.start = start;
  }

  /** Writes the base64 as a string. It stays in its sender's spelling, unless that holds white space (wrapped lines) or escapes. */
  write(w: JsonWriter): void {
    const source = this.text.source;
    const end = this.text.end;
    const out = w.raw('"').out;
    if (findByte(source, BACKSLASH, this.start, end) < 0 && findByte(source, 0x20, this.start, end) < 0) {
      out.copy(source, this.start, end);
    } else {
      const plain = new ByteWriter(end - this.start);
      unescapeJson(source, this.start, end, plain);
      let length: i32 = 0;
      for (let i: i32 = 0; i < plain.length; i++) {
        const c = plain.bytes[i] as i32;
        if (c > 0x20) plain.bytes[length++] = c as u8;
      }
      escapeJson(plain.bytes, 0, length, out);
    }
    out.byte(0x22);
  }
}

/** The string as a base64 data URI, or null when it is none. Images that call themselves `image/jpg` are `image/jpeg`. */
export function readDataUri(text: Json): Base64Data | null {
  const most = text.end - text.start > LONGEST_HEAD ? text.start + LONGEST_HEAD : text.end;
  const comma = findByte(text.source, 0x2c, text.start, most);
  if (comma < 0) return null;
  const head = new Json(STRING, text.source, text.start, comma).text();
  if (!head.startsWith("data:") || !head.endsWith(";base64")) return null;
  const type = head.substring(5, head.indexOf(";"));
  return new Base64Data(type === "image/jpg" || type === "image/pjpeg" ? "image/jpeg" : type, text, comma + 1);
}

/** A file as a data URI or, as some clients send a PDF, as base64 alone; null when the string is neither. */
export function readFileData(text: Json): Base64Data | null {
  const data = readDataUri(text);
  if (data != null) return data;
  const most = text.end - text.start > PDF_START.length ? text.start + PDF_START.length : text.end;
  const start = new Json(STRING, text.source, text.start, most);
  return start.is(PDF_START) ? new Base64Data("application/pdf", text, text.start) : null;
}
