import { IMAGE_SIZES } from "../../capabilities.ts";
import { ClientRequest } from "../../exchange.ts";
import { imageType, writeFile } from "../../image-file.ts";
import { FALSE, Json, NULL, STRING } from "../../json.ts";
import { Form } from "../../multipart.ts";
import { isNeutral } from "../../neutral-field.ts";
import { RequestTranslation as Translation } from "../../translation.ts";
import { ImageSize } from "./image-size.ts";

/** OpenAI's own bound on the images of one call. */
const MOST_IMAGES: i32 = 10;

/** How many images the client asks for; 0 when that is no number it may ask for. */
export function imageCount(call: ClientRequest): i32 {
  const n = call.json.value("n");
  if (n == null) return 1;
  const count = n.int(0);
  return count > MOST_IMAGES ? 0 : count;
}

/**
 * Writes the body of a call of `generateContent` for one image; false when it cannot be expressed (`t.problem`).
 * @see https://ai.google.dev/gemini-api/docs/image-generation
 */
export function writeImageRequest(call: ClientRequest, t: Translation): boolean {
  const prompt = call.json.value("prompt");
  if (prompt == null) return t.refuseMissing("prompt");
  if (prompt.kind !== STRING || prompt.isEmpty()) return t.refuse("prompt", "The prompt must be a string, not empty.");
  if (imageCount(call) === 0) return t.refuse("n", "'n' must be a whole number from 1 to 10.");
  let size: Json | null = null;
  let member = call.json.first();
  while (member != null) {
    if (member.isKey("size")) size = member.kind === NULL ? null : member;
    else if (member.kind !== NULL && !leaveOut(member, t)) return false;
    member = member.next;
  }
  const w = t.w.object();
  w.key("contents").array().object().key("role").string("user");
  w.key("parts").array().object().key("text").json(prompt).end();
  const form = call.form;
  if (form != null && !writeFiles(form, t)) return false;
  w.end().end().end();
  w.key("generationConfig").object().key("responseModalities").array().string("IMAGE").end();
  if (size != null && !writeSize(size, t)) return false;
  w.end().end();
  return true;
}

/** Writes the images that are to be edited, each as a part of the prompt. */
function writeFiles(form: Form, t: Translation): boolean {
  for (let i: i32 = 0; i < form.parts.length; i++) {
    const file = form.parts[i]!;
    if (!file.isFile) continue;
    if (!file.isImage()) return t.refuseUnsupported(file.name, "The file '" + file.name + "'");
    const type = imageType(file);
    if (type.length === 0) return t.refuse(file.name, "The file must be an image in PNG, JPEG, WebP or GIF.");
    t.w.object().key("inlineData").object().key("mimeType").string(type).key("data");
    const out = t.w.raw('"').out;
    writeFile(file, out);
    out.byte(0x22);
    t.w.end().end();
  }
  return true;
}

/** Whether the call means the same without the member. */
function leaveOut(member: Json, t: Translation): boolean {
  if (member.isKey("model") || member.isKey("prompt") || member.isKey("n")) return true;
  if (member.isKey("response_format"))
    return member.is("b64_json") || t.refuseUnsupported("response_format", "An image other than as 'b64_json'");
  if (member.isKey("stream")) return member.kind === FALSE || t.refuseUnsupported("stream", "A stream of images");
  if (member.isKey("background"))
    return !member.is("transparent") || t.refuseUnsupported("background", "A transparent background");
  return member.is("auto") || isNeutral(member) || t.drop(member.key());
}

/** Writes the size that comes nearest. */
function writeSize(size: Json, t: Translation): boolean {
  if (size.is("auto")) return true;
  const parsed = size.kind === STRING ? ImageSize.parse(size.text()) : null;
  if (parsed == null) return t.refuse("size", "'size' must be 'auto' or a width and a height in pixels: '1024x1024'.");
  t.w.key("imageConfig").object().key("aspectRatio").string(parsed.aspectRatio);
  // 1K is what comes untold, and all that models without sizes make.
  if (parsed.imageSize !== "1K" && t.capabilities.has(IMAGE_SIZES)) t.w.key("imageSize").string(parsed.imageSize);
  t.w.end();
  return true;
}
