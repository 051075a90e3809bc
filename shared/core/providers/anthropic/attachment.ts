import { Base64Data, readDataUri, readFileData } from "../../base64-data.ts";
import { Json, OBJECT, STRING } from "../../json.ts";
import { RequestTranslation as Translation } from "../../translation.ts";

const LONGEST_URL: i32 = 16384;
/** A file's name is passed on as the document's title up to this many bytes. */
const LONGEST_TITLE: i32 = 200;

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
    if (!isImageType(data.mediaType)) {
      return t.refuse(urlParam, "This model takes images of type image/jpeg, image/png, image/gif and image/webp.");
    }
    t.w.object().key("type").string("image");
    writeSource(data, t);
  }
  return endBlock(part, t);
}

function isImageType(mediaType: string): boolean {
  return (
    mediaType === "image/jpeg" || mediaType === "image/png" || mediaType === "image/gif" || mediaType === "image/webp"
  );
}

/** Writes a document block for a part `{"type":"file","file":{"file_data","filename"}}` that holds a PDF. */
export function writeDocument(part: Json, param: string, t: Translation): boolean {
  const file = part.value("file");
  if (file == null || file.kind !== OBJECT) return t.refuseMissing(param + ".file");
  if (file.value("file_id") != null)
    return t.refuseUnsupported(param + ".file.file_id", "A reference to an uploaded file");
  const text = file.value("file_data");
  if (text == null || text.kind !== STRING) return t.refuseMissing(param + ".file.file_data");
  const data = readFileData(text);
  if (data == null || data.mediaType !== "application/pdf") {
    return t.refuse(param + ".file.file_data", "This model takes a file as a base64 data URI of type application/pdf.");
  }
  t.w.object().key("type").string("document");
  writeSource(data, t);
  const name = file.value("filename");
  if (name != null && name.kind === STRING && !name.isEmpty() && name.end - name.start <= LONGEST_TITLE) {
    t.w.key("title").json(name);
  }
  return endBlock(part, t);
}

/** Writes a block's `source`. */
function writeSource(data: Base64Data, t: Translation): void {
  t.w.key("source").object().key("type").string("base64").key("media_type").string(data.mediaType).key("data");
  data.write(t.w);
  t.w.end();
}

/** Ends the block; a cache mark on its part (Anthropic's own extension) is kept. */
function endBlock(part: Json, t: Translation): boolean {
  const mark = part.value("cache_control");
  if (mark != null) t.w.key("cache_control").json(mark);
  t.w.end();
  return true;
}
