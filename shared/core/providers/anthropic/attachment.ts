import { ByteWriter } from "../../byte-writer.ts";
import { BACKSLASH, findByte } from "../../bytes.ts";
import { Json, OBJECT, STRING } from "../../json.ts";
import { escapeJson, unescapeJson } from "../../json-text.ts";
import { Translation } from "./translation.ts";

/** The comma that ends a data URI's head lies within so many bytes. */
const LONGEST_HEAD: i32 = 256;
const LONGEST_URL: i32 = 16384;
/** A file's name is passed on as the document's title up to this many bytes. */
const LONGEST_TITLE: i32 = 200;
/** What a PDF starts with ("%PDF-"), in base64. */
const PDF_BASE64: string = "JVBERi";

/** A string `data:TYPE;base64,DATA`, or DATA alone. */
class Base64 {
  readonly mediaType: string;
  readonly text: Json;
  /** Where DATA starts in the string's source; it ends with the string. */
  readonly start: i32;

  constructor(mediaType: string, text: Json, start: i32) {
    this.mediaType = mediaType;
    this.text = text;
    this.start = start;
  }

  /** Writes a block's `source`. The data stays in its sender's spelling, unless that holds white space (wrapped lines) or escapes. */
  writeSource(t: Translation): void {
    t.w.key("source").object().key("type").string("base64").key("media_type").string(this.mediaType).key("data");
    const source = this.text.source;
    const end = this.text.end;
    if (findByte(source, BACKSLASH, this.start, end) < 0 && findByte(source, 0x20, this.start, end) < 0) {
      t.w.raw('"');
      t.out.copy(source, this.start, end);
    } else {
      const plain = new ByteWriter(end - this.start);
      unescapeJson(source, this.start, end, plain);
      t.w.raw('"');
      let length: i32 = 0;
      for (let i: i32 = 0; i < plain.length; i++) {
        const c = plain.bytes[i] as i32;
        if (c > 0x20) plain.bytes[length++] = c as u8;
      }
      escapeJson(plain.bytes, 0, length, t.out);
    }
    t.out.byte(0x22);
    t.w.end();
  }
}

/** The string as a base64 data URI, or null when it is none. */
function readDataUri(text: Json): Base64 | null {
  const most = text.end - text.start > LONGEST_HEAD ? text.start + LONGEST_HEAD : text.end;
  const comma = findByte(text.source, 0x2c, text.start, most);
  if (comma < 0) return null;
  const head = new Json(STRING, text.source, text.start, comma).text();
  if (!head.startsWith("data:") || !head.endsWith(";base64")) return null;
  return new Base64(head.substring(5, head.indexOf(";")), text, comma + 1);
}

/** Writes an image block for a part `{"type":"image_url","image_url":{"url"}}`. */
export function writeImage(part: Json, param: string, t: Translation): boolean {
  const image = part.value("image_url");
  if (image == null) return t.refuseMissing(param + ".image_url");
  // Some clients give the URL itself instead of an object.
  const url = image.kind === STRING ? image : image.value("url");
  const urlParam = param + (image.kind === STRING ? ".image_url" : ".image_url.url");
  if (url == null || url.kind !== STRING) return t.refuseMissing(urlParam);
  const data = readDataUri(url);
  if (data == null) {
    const text = url.end - url.start <= LONGEST_URL ? url.text() : "";
    if (!text.startsWith("https://")) {
      return t.refuse(urlParam, "This model takes an image as an https URL or as a base64 data URI.");
    }
    t.w.object().key("type").string("image");
    t.w.key("source").object().key("type").string("url").key("url").json(url).end();
  } else {
    const type = imageType(data.mediaType);
    if (type.length === 0) {
      return t.refuse(urlParam, "This model takes images of type image/jpeg, image/png, image/gif and image/webp.");
    }
    t.w.object().key("type").string("image");
    new Base64(type, url, data.start).writeSource(t);
  }
  return endBlock(part, t);
}

/** The name that the API has for an image's type; empty when it takes no such images. */
function imageType(mediaType: string): string {
  if (mediaType === "image/jpeg" || mediaType === "image/jpg" || mediaType === "image/pjpeg") return "image/jpeg";
  if (mediaType === "image/png" || mediaType === "image/gif" || mediaType === "image/webp") return mediaType;
  return "";
}

/** Writes a document block for a part `{"type":"file","file":{"file_data","filename"}}` that holds a PDF. */
export function writeDocument(part: Json, param: string, t: Translation): boolean {
  const file = part.value("file");
  if (file == null || file.kind !== OBJECT) return t.refuseMissing(param + ".file");
  if (file.value("file_id") != null)
    return t.refuseUnsupported(param + ".file.file_id", "A reference to an uploaded file");
  const text = file.value("file_data");
  if (text == null || text.kind !== STRING) return t.refuseMissing(param + ".file.file_data");
  const data = readPdf(text);
  if (data == null) {
    return t.refuse(param + ".file.file_data", "This model takes a file as a base64 data URI of type application/pdf.");
  }
  t.w.object().key("type").string("document");
  data.writeSource(t);
  const name = file.value("filename");
  if (name != null && name.kind === STRING && !name.isEmpty() && name.end - name.start <= LONGEST_TITLE) {
    t.w.key("title").json(name);
  }
  return endBlock(part, t);
}

/** A PDF as a data URI or, as some clients send it, as base64 alone. */
function readPdf(text: Json): Base64 | null {
  const data = readDataUri(text);
  if (data != null) return data.mediaType === "application/pdf" ? data : null;
  const most = text.end - text.start > PDF_BASE64.length ? text.start + PDF_BASE64.length : text.end;
  const start = new Json(STRING, text.source, text.start, most);
  return start.is(PDF_BASE64) ? new Base64("application/pdf", text, text.start) : null;
}

/** Ends the block; a cache mark on its part (Anthropic's own extension) is kept. */
function endBlock(part: Json, t: Translation): boolean {
  const mark = part.value("cache_control");
  if (mark != null) t.w.key("cache_control").json(mark);
  t.w.end();
  return true;
}
