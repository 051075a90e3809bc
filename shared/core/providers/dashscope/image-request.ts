import { ClientRequest } from "../../exchange.ts";
import { imageType, writeFile } from "../../image-file.ts";
import { FALSE, Json, NULL, STRING } from "../../json.ts";
import { Form } from "../../multipart.ts";
import { RequestTranslation } from "../../translation.ts";

/** How images are asked for: at once, or as a task that is asked for until it is done; in the words of one service or the other. */
export const AT_ONCE: i32 = 0;
export const TASK_OF_PROMPT: i32 = 1;
export const TASK_OF_MESSAGES: i32 = 2;

/** OpenAI's own bound on the images of one call. */
const MOST_IMAGES: i32 = 10;

/** The models that only make tasks of a prompt, by what their names begin with. */
const PROMPT_MODELS: Array<string> = ["wanx", "wan2.1", "wan2.2", "wan2.5", "flux", "stable-diffusion"];

/**
 * How the model makes images. A model that only makes tasks refuses to be asked at once, and the reverse.
 * @see https://help.aliyun.com/en/model-studio/text-to-image-v2-api-reference (Wan), https://help.aliyun.com/en/model-studio/qwen-image-api
 */
export function imageWay(model: string): i32 {
  for (let i: i32 = 0; i < PROMPT_MODELS.length; i++) {
    if (model.startsWith(PROMPT_MODELS[i]!)) return TASK_OF_PROMPT;
  }
  return model.startsWith("wan") ? TASK_OF_MESSAGES : AT_ONCE;
}

/**
 * Whether a call of the model makes one image, whatever `n`.
 * @see https://help.aliyun.com/en/model-studio/qwen-image-api, https://help.aliyun.com/en/model-studio/qwen-image-edit-api
 */
export function makesOneImage(model: string): boolean {
  if (model.startsWith("qwen-image-edit-")) return false;
  return model === "qwen-image-edit" || isPainter(model);
}

/**
 * Whether the model edits images in the words in which it makes them. Wan's older models have services and words of their own
 * for it, which are not spoken here.
 */
export function editsImages(model: string): boolean {
  return imageWay(model) !== TASK_OF_PROMPT && !isPainter(model) && !model.includes("-t2i");
}

/** Whether the model makes images of a prompt alone, one a call. */
function isPainter(model: string): boolean {
  if (model.startsWith("z-image")) return true;
  if (model.startsWith("qwen-image-2") || model.startsWith("qwen-image-3")) return false;
  return model.startsWith("qwen-image") && !model.startsWith("qwen-image-edit");
}

/** Where images are asked for in this way. */
export function imagePath(way: i32): string {
  if (way === TASK_OF_PROMPT) return "/services/aigc/text2image/image-synthesis";
  if (way === TASK_OF_MESSAGES) return "/services/aigc/image-generation/generation";
  return "/services/aigc/multimodal-generation/generation";
}

/** Writes the body of a call for images; false when it cannot be expressed (`t.problem`). */
export function writeImageRequest(call: ClientRequest, model: string, way: i32, t: RequestTranslation): boolean {
  const prompt = call.json.value("prompt");
  if (prompt == null) return t.refuseMissing("prompt");
  if (prompt.kind !== STRING || prompt.isEmpty()) {
    return t.refuse("prompt", "'prompt' must be a string that is not empty.");
  }
  const negative = call.json.value("negative_prompt");
  const w = t.w.object().key("model").string(model).key("input").object();
  if (way === TASK_OF_PROMPT) {
    w.key("prompt").json(prompt);
    if (negative != null) w.key("negative_prompt").json(negative);
  } else {
    w.key("messages").array().object().key("role").string("user").key("content").array();
    const form = call.form;
    if (form != null && !writeFiles(form, t)) return false;
    w.object().key("text").json(prompt).end().end().end().end();
  }
  w.end().key("parameters").object();
  if (negative != null && way !== TASK_OF_PROMPT) w.key("negative_prompt").json(negative);
  let member = call.json.first();
  while (member != null) {
    if (member.kind !== NULL && !writeParameter(member, model, t)) return false;
    member = member.next;
  }
  w.end().end();
  return true;
}

/**
 * Writes the images that are to be edited, each as a part of the prompt.
 * @see https://help.aliyun.com/en/model-studio/qwen-image-edit-api
 */
function writeFiles(form: Form, t: RequestTranslation): boolean {
  for (let i: i32 = 0; i < form.parts.length; i++) {
    const file = form.parts[i]!;
    if (!file.isFile) continue;
    if (!file.isImage()) return t.refuseUnsupported(file.name, "The file '" + file.name + "'");
    const type = imageType(file);
    if (type.length === 0) return t.refuse(file.name, "The file must be an image in PNG, JPEG, WebP or GIF.");
    const out = t.w
      .object()
      .key("image")
      .raw('"data:' + type + ";base64,").out;
    writeFile(file, out);
    out.byte(0x22);
    t.w.end();
  }
  return true;
}

function writeParameter(member: Json, model: string, t: RequestTranslation): boolean {
  if (isKnown(member)) return true;
  if (member.isKey("size")) return member.is("auto") || writeSize(member, t);
  if (member.isKey("n")) {
    const n = member.int(0);
    if (n < 1 || n > MOST_IMAGES) return t.refuse("n", "'n' must be a whole number from 1 to 10.");
    if (!makesOneImage(model)) t.w.key("n").int(n);
    return true;
  }
  // The answer is an address; that of an image which is asked for by its bytes would mean something else.
  if (member.isKey("response_format")) {
    return member.is("url") || t.refuseUnsupported("response_format", "An image other than by URL");
  }
  if (member.isKey("stream")) return member.kind === FALSE || t.refuseUnsupported("stream", "A stream of images");
  // DashScope's own.
  if (member.isKey("seed") || member.isKey("prompt_extend") || member.isKey("watermark")) {
    t.w.keyOf(member).json(member);
    return true;
  }
  return member.is("auto") || t.drop(member.key());
}

/** The members that are read elsewhere, and the user, who makes no difference to the answer. */
function isKnown(member: Json): boolean {
  return member.isKey("model") || member.isKey("prompt") || member.isKey("negative_prompt") || member.isKey("user");
}

/** `1024x1024` is `1024*1024` here. */
function writeSize(size: Json, t: RequestTranslation): boolean {
  const text = size.kind === STRING ? size.text() : "";
  const by = text.indexOf("x");
  if (by < 0 && text.indexOf("*") < 0) return t.refuse("size", "'size' must be WIDTHxHEIGHT, such as 1024x1024.");
  t.w.key("size").string(by < 0 ? text : text.substring(0, by) + "*" + text.substring(by + 1));
  return true;
}
