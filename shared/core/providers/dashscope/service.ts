import { Capabilities, MULTIMODAL } from "../../capabilities.ts";
import { ARRAY, Json } from "../../json.ts";

/**
 * Whether the chat goes to the multimodal service: for its model's sake, or because a message holds more than text. Each
 * service answers 400 "url error" to the other's models.
 * @see https://help.aliyun.com/en/model-studio/deep-thinking (Qwen3.5), https://help.aliyun.com/en/model-studio/vision
 */
export function isMultimodal(capabilities: Capabilities, messages: Json | null): boolean {
  if (capabilities.has(MULTIMODAL)) return true;
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
