import { ClientRequest } from "../../exchange.ts";
import { FALSE, Json, NULL } from "../../json.ts";
import { RequestTranslation as Translation } from "../../translation.ts";
import { writeUser } from "./user.ts";

/**
 * Writes the body of an image generation; false when it cannot be expressed (`t.problem`). The answer holds addresses
 * only, one image a call.
 * @see https://docs.bigmodel.cn/api-reference/模型-api/图像生成
 */
export function writeImages(call: ClientRequest, model: string, t: Translation): boolean {
  const w = t.w.object().key("model").string(model);
  let member = call.json.first();
  while (member != null) {
    if (member.kind !== NULL && !member.isKey("model") && !writeField(member, t)) return false;
    member = member.next;
  }
  w.end();
  return true;
}

function writeField(member: Json, t: Translation): boolean {
  if (member.isKey("n")) return member.int(0) === 1 || t.refuse("n", "This model makes one image: 'n' must be 1.");
  if (member.isKey("response_format"))
    return member.is("url") || t.refuseUnsupported("response_format", "An image other than by URL");
  if (member.isKey("stream")) return member.kind === FALSE || t.refuseUnsupported("stream", "A stream of images");
  if (member.isKey("user")) {
    writeUser(member, t);
    return true;
  }
  if (member.isKey("size") && member.is("auto")) return true;
  if (member.isKey("quality") && !member.is("hd") && !member.is("standard"))
    return member.is("auto") || t.drop("quality");
  if (isUnknown(member)) return member.is("auto") || t.drop(member.key());
  t.w.keyOf(member).json(member);
  return true;
}

function isUnknown(member: Json): boolean {
  return (
    member.isKey("style") ||
    member.isKey("background") ||
    member.isKey("moderation") ||
    member.isKey("output_format") ||
    member.isKey("output_compression") ||
    member.isKey("partial_images")
  );
}
