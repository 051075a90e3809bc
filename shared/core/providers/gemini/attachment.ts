import { Base64Data, readDataUri, readFileData } from "../../base64-data.ts";
import { Json, OBJECT, STRING } from "../../json.ts";
import { RequestTranslation as Translation } from "../../translation.ts";

const LONGEST_URL: i32 = 16384;

/** Writes a part for `{"type":"image_url","image_url":{"url"}}`; some clients give the URL itself instead of an object. */
export function writeImage(part: Json, param: string, t: Translation): boolean {
  const image = part.value("image_url");
  if (image == null) return t.refuseMissing(param + ".image_url");
  const url = image.kind === STRING ? image : image.value("url");
  const urlParam = param + (image.kind === STRING ? ".image_url" : ".image_url.url");
  if (url == null || url.kind !== STRING) return t.refuseMissing(urlParam);
  const inline = readDataUri(url);
  if (inline != null && inline.mediaType.length > 0) return writeInline(inline, t);
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
  const text = file.value("file_data");
  if (text == null || text.kind !== STRING) return t.refuseMissing(param + ".file.file_data");
  const data = readFileData(text);
  if (data == null || data.mediaType.length === 0) {
    return t.refuse(param + ".file.file_data", "This model takes a file as a base64 data URI.");
  }
  return writeInline(data, t);
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
  return writeInline(new Base64Data("audio/" + format, data, data.start), t);
}

/** Writes an `inlineData` part. */
function writeInline(data: Base64Data, t: Translation): boolean {
  t.w.object().key("inlineData").object().key("mimeType").string(data.mediaType).key("data");
  data.write(t.w);
  t.w.end().end();
  return true;
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
