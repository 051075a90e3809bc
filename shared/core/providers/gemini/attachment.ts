import { ByteWriter } from "../../byte-writer.ts";
import { BACKSLASH, findByte } from "../../bytes.ts";
import { Json, OBJECT, STRING } from "../../json.ts";
import { escapeJson, unescapeJson } from "../../json-text.ts";
import { Translation } from "./translation.ts";

/** The comma that ends a data URI's head lies within so many bytes. */
const LONGEST_HEAD: i32 = 256;
const LONGEST_URL: i32 = 16384;
/** What a PDF starts with ("%PDF-"), in base64. */
const PDF_BASE64: string = "JVBERi";

/** Writes a part for `{"type":"image_url","image_url":{"url"}}`; some clients give the URL itself instead of an object. */
export function writeImage(part: Json, param: string, t: Translation): boolean {
  const image = part.value("image_url");
  if (image == null) return t.refuseMissing(param + ".image_url");
  const url = image.kind === STRING ? image : image.value("url");
  const urlParam = param + (image.kind === STRING ? ".image_url" : ".image_url.url");
  if (url == null || url.kind !== STRING) return t.refuseMissing(urlParam);
  if (writeDataUri(url, t)) return true;
  const text = url.end - url.start <= LONGEST_URL ? url.text() : "";
  if (!text.startsWith("https://") && !text.startsWith("gs://")) {
    return t.refuse(urlParam, "This model takes an image as an https URL or as a base64 data URI.");
  }
  t.w.object().key("fileData").object().key("mimeType").string(typeOfName(text)).key("fileUri").json(url).end().end();
  return true;
}

/** Writes a part for `{"type":"file","file":{"file_data"}}`: a data URI or, as some clients send a PDF, base64 alone. */
export function writeFile(part: Json, param: string, t: Translation): boolean {
  const file = part.value("file");
  if (file == null || file.kind !== OBJECT) return t.refuseMissing(param + ".file");
  if (file.value("file_id") != null)
    return t.refuseUnsupported(param + ".file.file_id", "A reference to an uploaded file");
  const data = file.value("file_data");
  if (data == null || data.kind !== STRING) return t.refuseMissing(param + ".file.file_data");
  if (writeDataUri(data, t)) return true;
  const most = data.end - data.start > PDF_BASE64.length ? data.start + PDF_BASE64.length : data.end;
  if (!new Json(STRING, data.source, data.start, most).is(PDF_BASE64)) {
    return t.refuse(param + ".file.file_data", "This model takes a file as a base64 data URI.");
  }
  writeInline("application/pdf", data, data.start, t);
  return true;
}

/** Writes a part for `{"type":"input_audio","input_audio":{"data","format"}}`. */
export function writeAudio(part: Json, param: string, t: Translation): boolean {
  const audio = part.value("input_audio");
  if (audio == null || audio.kind !== OBJECT) return t.refuseMissing(param + ".input_audio");
  const data = audio.value("data");
  if (data == null || data.kind !== STRING) return t.refuseMissing(param + ".input_audio.data");
  const format = audio.string("format", "");
  if (format !== "wav" && format !== "mp3") {
    return t.refuse(param + ".input_audio.format", "The format must be one of 'wav' and 'mp3'.");
  }
  writeInline("audio/" + format, data, data.start, t);
  return true;
}

/** Writes the part for a base64 data URI; false when the string is none. */
function writeDataUri(text: Json, t: Translation): boolean {
  const most = text.end - text.start > LONGEST_HEAD ? text.start + LONGEST_HEAD : text.end;
  const comma = findByte(text.source, 0x2c, text.start, most);
  if (comma < 0) return false;
  const head = new Json(STRING, text.source, text.start, comma).text();
  if (!head.startsWith("data:") || !head.endsWith(";base64")) return false;
  const type = head.substring(5, head.indexOf(";"));
  if (type.length === 0) return false;
  writeInline(type === "image/jpg" || type === "image/pjpeg" ? "image/jpeg" : type, text, comma + 1, t);
  return true;
}

/**
 * Writes an `inlineData` part of the base64 that starts at `start` and ends with the string. It stays in its sender's
 * spelling, unless that holds white space (wrapped lines) or escapes.
 */
function writeInline(mimeType: string, text: Json, start: i32, t: Translation): void {
  t.w.object().key("inlineData").object().key("mimeType").string(mimeType).key("data").raw('"');
  const source = text.source;
  const end = text.end;
  if (findByte(source, BACKSLASH, start, end) < 0 && findByte(source, 0x20, start, end) < 0) {
    t.out.copy(source, start, end);
  } else {
    const plain = new ByteWriter(end - start);
    unescapeJson(source, start, end, plain);
    let length: i32 = 0;
    for (let i: i32 = 0; i < plain.length; i++) {
      const c = plain.bytes[i] as i32;
      if (c > 0x20) plain.bytes[length++] = c as u8;
    }
    escapeJson(plain.bytes, 0, length, t.out);
  }
  t.out.byte(0x22);
  t.w.end().end();
}

/** The API wants the type beside a URL: by the name's ending, for most images at the web are JPEG a JPEG otherwise. */
function typeOfName(url: string): string {
  let end = url.indexOf("?");
  if (end < 0) end = url.length;
  const dot = url.lastIndexOf(".", end);
  const ending = dot < 0 || dot > end ? "" : url.substring(dot + 1, end).toLowerCase();
  if (ending === "png" || ending === "webp" || ending === "gif" || ending === "heic" || ending === "heif") {
    return "image/" + ending;
  }
  return ending === "pdf" ? "application/pdf" : "image/jpeg";
}
