import { ByteWriter } from "../../byte-writer.ts";
import { ClientRequest } from "../../exchange.ts";
import { Json, OBJECT, STRING } from "../../json.ts";
import { firstOf, memberOf } from "../../json-path.ts";
import { JsonWriter } from "../../json-writer.ts";
import { invalidRequest, Problem, providerError } from "../../problem.ts";
import { shorten } from "../../text.ts";
import { estimatePrompt } from "../../tokens.ts";
import { USAGE_ESTIMATE, USAGE_PROVIDER, Usage } from "../../usage.ts";
import { UsageObjects } from "../../usage-objects.ts";
import { firstPart, textOf } from "./answer.ts";
import { BROKEN, blockedText, blockReason, finishReason, withheldText } from "./finish-reason.ts";
import { brokenAnswer } from "./response.ts";
import { readUsage, sum } from "./usage.ts";

/** What an image of the usual size counts as, in tokens. */
const IMAGE_TOKENS: i32 = 1290;
/** The most of the model's words that a client is shown in the place of an image. */
const LONGEST_WORDS: i32 = 300;

/** Makes one answer of the images that several calls gave, one each. Nothing of a body is kept but copies. */
export class ImageAnswer {
  private readonly call: ClientRequest;
  /** Of all calls. */
  private readonly usage: Usage;
  private readonly images: JsonWriter = new JsonWriter(new ByteWriter(0));
  private readonly usageObjects: UsageObjects = new UsageObjects();
  private format: string = "";
  private imageTokens: i32 = 0;

  constructor(call: ClientRequest, usage: Usage) {
    this.call = call;
    this.usage = usage;
  }

  /** Takes in the image of one call's answer, and what it used; a problem when it has none. */
  take(answer: Json): Problem | null {
    const candidate = firstOf(answer.value("candidates"));
    const image = imageOf(candidate);
    const data = memberOf(image, "data");
    if (image == null || data == null) return whyNone(answer, candidate);
    this.images.object().key("b64_json").json(data).end();
    if (this.format.length === 0) this.format = formatOf(image.string("mimeType", ""));
    this.usage.images++;
    this.count(answer.value("usageMetadata"));
    return null;
  }

  private count(counts: Json | null): void {
    const usage = this.usage;
    const one = new Usage();
    if (counts != null && counts.kind === OBJECT) {
      readUsage(counts, one);
      this.imageTokens = sum(this.imageTokens, imageTokensOf(counts));
      this.usageObjects.add(counts);
      if (usage.source !== USAGE_ESTIMATE) usage.source = USAGE_PROVIDER;
    } else {
      one.prompt = estimatePrompt(this.call.json);
      one.completion = IMAGE_TOKENS;
      usage.source = USAGE_ESTIMATE;
    }
    usage.prompt = sum(usage.prompt, one.prompt);
    usage.cached = sum(usage.cached, one.cached);
    usage.completion = sum(usage.completion, one.completion);
    usage.reasoning = sum(usage.reasoning, one.reasoning);
  }

  /**
   * Writes OpenAI's list of images.
   * @see https://platform.openai.com/docs/api-reference/images/object
   */
  write(out: ByteWriter): void {
    const usage = this.usage;
    usage.raw = this.usageObjects.take();
    const w = new JsonWriter(out).object().key("created").int(this.call.created);
    w.key("data").array().copy(this.images.out.bytes, 0, this.images.out.length).end();
    if (this.format.length > 0) w.key("output_format").string(this.format);
    w.key("usage").object().key("input_tokens").int(usage.prompt).key("output_tokens").int(usage.completion);
    w.key("total_tokens").int(sum(usage.prompt, usage.completion));
    const images = this.imageTokens < usage.prompt ? this.imageTokens : usage.prompt;
    w.key("input_tokens_details").object();
    w.key("text_tokens")
      .int(usage.prompt - images)
      .key("image_tokens")
      .int(images);
    w.end().end().end();
  }
}

/** The inline data of the candidate's first image that is no draft, or null. */
function imageOf(candidate: Json | null): Json | null {
  if (candidate == null) return null;
  let part = firstPart(candidate);
  while (part != null) {
    const inline = part.value("inlineData");
    const data = memberOf(inline, "data");
    if (data != null && data.kind === STRING && !data.isEmpty() && !part.flag("thought")) return inline;
    part = part.next;
  }
  return null;
}

/** What OpenAI calls the format of an image; empty for one that it does not know. */
function formatOf(mimeType: string): string {
  if (mimeType === "image/png") return "png";
  if (mimeType === "image/jpeg") return "jpeg";
  return mimeType === "image/webp" ? "webp" : "";
}

/** Tokens of images in the prompt. */
function imageTokensOf(counts: Json): i32 {
  let total: i32 = 0;
  let detail = firstOf(counts.value("promptTokensDetails"));
  while (detail != null) {
    if (detail.string("modality", "") === "IMAGE") total = sum(total, detail.count32("tokenCount", 0));
    detail = detail.next;
  }
  return total;
}

/** Why there is no image. What was held back for its content would be so at once again; words in its place are shown. */
function whyNone(answer: Json, candidate: Json | null): Problem {
  const blocked = blockReason(answer);
  if (blocked.length > 0) return violation(blockedText(blocked));
  if (candidate == null || candidate.kind !== OBJECT) return providerError("The provider's answer holds no candidate.");
  const told = candidate.value("finishReason");
  const reason = told == null ? "" : finishReason(told);
  if (told != null && reason === "content_filter") return violation(withheldText(told.text()));
  if (told != null && reason === BROKEN) return brokenAnswer(told.text());
  const words = wordsOf(candidate);
  if (words.length > 0) {
    return invalidRequest("The model answered in words instead of an image: " + words, "prompt", "no_image");
  }
  return told == null ? providerError("The provider's answer holds no image.") : brokenAnswer(told.text());
}

function violation(message: string): Problem {
  return invalidRequest(message, "prompt", "content_policy_violation");
}

function wordsOf(candidate: Json): string {
  let part = firstPart(candidate);
  while (part != null) {
    const text = textOf(part);
    if (text != null && !part.flag("thought")) return shorten(text.text(), LONGEST_WORDS);
    part = part.next;
  }
  return "";
}
