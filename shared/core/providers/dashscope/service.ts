import { ARRAY, Json } from "../../json.ts";

/**
 * What the name of a model has that the multimodal service alone serves, even for text. Each service answers 400 "url
 * error" to the other's models.
 * @see https://help.aliyun.com/en/model-studio/deep-thinking (Qwen3.5), https://help.aliyun.com/en/model-studio/vision
 */
const MULTIMODAL_NAMES: Array<string> = ["-vl", "qvq", "omni", "-ocr", "-audio", "qwen3.5"];

/** Whether the chat goes to the multimodal service: for its model's sake, or because a message holds more than text. */
export function isMultimodal(model: string, messages: Json | null): boolean {
  for (let i: i32 = 0; i < MULTIMODAL_NAMES.length; i++) {
    if (model.includes(MULTIMODAL_NAMES[i]!)) return true;
  }
  if (messages == null || messages.kind !== ARRAY) return false;
  let message = messages.first();
  while (message != null) {
    if (hasAttachment(message.value("content"))) return true;
    message = message.next;
  }
  return false;
}

function hasAttachment(content: Json | null): boolean {
  if (content == null || content.kind !== ARRAY) return false;
  let part = content.first();
  while (part != null) {
    const type = part.value("type");
    if (type != null && !type.is("text") && !type.is("refusal")) return true;
    part = part.next;
  }
  return false;
}
