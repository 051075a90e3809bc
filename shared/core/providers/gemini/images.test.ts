import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../byte-writer.ts";
import { FAILED, IMAGES, MORE, ProviderRequest, REPLACED } from "../../exchange.ts";
import { decodeUtf8, encodeUtf8 } from "../../text.ts";
import { USAGE_ESTIMATE, USAGE_PROVIDER } from "../../usage.ts";
import { answer, exchangeFor, type JsonObject, type Setting, send } from "./harness.ts";

const asked = (members: JsonObject = {}) => ({ model: "m", prompt: "A cat", ...members });
const sent = (members: JsonObject, setting: Setting = {}) =>
  send(asked(members), { endpoint: IMAGES, model: "gemini-3-pro-image", ...setting });
const config = (members: JsonObject, model?: string) =>
  (sent(members, model === undefined ? {} : { model }).body.generationConfig as JsonObject).imageConfig;
const image = (data: string, more: JsonObject = {}) => ({ inlineData: { mimeType: "image/png", data }, ...more });
const counts = (prompt: number, candidates: number) => ({
  usageMetadata: { promptTokenCount: prompt, candidatesTokenCount: candidates, totalTokenCount: prompt + candidates },
});

/** What the client gets when the provider gives these answers, one for each call. */
function receive(answers: unknown[], members: JsonObject = {}) {
  const exchange = exchangeFor(asked(members), { endpoint: IMAGES });
  const bodies = answers.map((each) => encodeUtf8(JSON.stringify(each)).slice());
  const out = new ByteWriter(0);
  let result = exchange.response(bodies[0] ?? new Uint8Array(0), out);
  bodies[0]?.fill(0x7b);
  const parts: number[] = [];
  for (let request = new ProviderRequest(); exchange.further("key", request); request = new ProviderRequest()) {
    parts.push(request.part);
  }
  for (const part of parts) {
    const body = bodies[part] ?? new Uint8Array(0);
    if (result === MORE) result = exchange.part(part, body, out);
    body.fill(0x7b);
  }
  const text = decodeUtf8(out.bytes, 0, out.length);
  return { result, text, parts, problem: exchange.problem, usage: exchange.usage };
}

describe("a request for images", () => {
  it("is one for content whose modality is an image", () => {
    const { path, body } = sent({ user: "ada", quality: "high", size: "auto", style: "vivid", n: 2 });
    expect(path).toBe("/v1beta/models/gemini-3-pro-image:generateContent");
    expect(body).toEqual({
      contents: [{ role: "user", parts: [{ text: "A cat" }] }],
      generationConfig: { responseModalities: ["IMAGE"] },
    });
  });

  it.each([
    ["1024x1024", "1:1", undefined],
    ["1536x1024", "3:2", undefined],
    ["1024x1536", "2:3", undefined],
    ["1792x1024", "16:9", undefined],
    ["1024x1792", "9:16", undefined],
    ["1280x1024", "5:4", undefined],
    ["819x1024", "4:5", undefined],
    ["1024x768", "4:3", undefined],
    ["2560x1080", "21:9", "2K"],
    ["2048x2048", "1:1", "2K"],
    ["4096x4096", "1:1", "4K"],
    ["16384x1", "21:9", undefined],
    ["1x16384", "9:16", undefined],
  ])("of %s has the shape %s and the size %s", (size, aspectRatio, imageSize) => {
    expect(config({ size })).toEqual(imageSize === undefined ? { aspectRatio } : { aspectRatio, imageSize });
  });

  it("has no size for models that make one only", () => {
    expect(config({ size: "2048x2048" }, "gemini-2.5-flash-image")).toEqual({ aspectRatio: "1:1" });
  });

  it.each<[JsonObject, string]>([
    [{ prompt: null }, "prompt"],
    [{ prompt: "" }, "prompt"],
    [{ prompt: ["a"] }, "prompt"],
    [{ n: 0 }, "n"],
    [{ n: 11 }, "n"],
    [{ size: "large" }, "size"],
    [{ size: "0x1024" }, "size"],
    [{ size: "1024x" }, "size"],
    [{ size: "1e3x1024" }, "size"],
    [{ size: "99999x1024" }, "size"],
    [{ size: 1024 }, "size"],
    [{ response_format: "url" }, "response_format"],
    [{ stream: true }, "stream"],
    [{ background: "transparent" }, "background"],
  ])("is refused with %j", (members, param) => {
    expect(sent(members).problem).toMatchObject({ status: 400, param });
  });

  it.each(["quality", "style", "moderation", "output_format", "output_compression", "user"])(
    "leaves %s out, or is refused where the model is configured so",
    (name) => {
      expect(sent({ [name]: "x" }).problem).toBeNull();
      expect(sent({ [name]: "x" }, { strict: true }).problem).toMatchObject({ status: 400, param: name });
      expect(sent({ [name]: "auto" }, { strict: true }).problem).toBeNull();
    },
  );
});

describe("an answer to a request for images", () => {
  it("has the image that is no draft, in base64", () => {
    const parts = [image("ZHJhZnQ=", { thought: true }), { text: "Here." }, image("aW1hZ2U="), image("c2Vjb25k")];
    const promptTokensDetails = [
      { modality: "TEXT", tokenCount: 3 },
      { modality: "IMAGE", tokenCount: 258 },
    ];
    const usageMetadata = { promptTokenCount: 261, candidatesTokenCount: 1290, thoughtsTokenCount: 7 };
    const received = receive([answer(parts, { usageMetadata: { ...usageMetadata, promptTokensDetails } })]);
    expect(received.parts).toEqual([]);
    expect(JSON.parse(received.text)).toEqual({
      created: 1790000001,
      data: [{ b64_json: "aW1hZ2U=" }],
      output_format: "png",
      usage: {
        input_tokens: 261,
        output_tokens: 1297,
        total_tokens: 1558,
        input_tokens_details: { text_tokens: 3, image_tokens: 258 },
      },
    });
    expect(received.usage).toMatchObject({ images: 1, prompt: 261, completion: 1297, reasoning: 7 });
  });

  it("takes a call for each image, and counts them all", () => {
    const received = receive(
      [
        answer([image("YQ==")], counts(3, 1290)),
        answer([image("Yg==")], counts(3, 1291)),
        answer([image("Yw==")], counts(4, 1290)),
      ],
      { n: 3 },
    );
    expect(received).toMatchObject({ result: REPLACED, parts: [1, 2] });
    expect(JSON.parse(received.text).data).toEqual([{ b64_json: "YQ==" }, { b64_json: "Yg==" }, { b64_json: "Yw==" }]);
    expect(received.usage).toMatchObject({ images: 3, prompt: 10, completion: 3871, source: USAGE_PROVIDER });
    const raw = JSON.parse(decodeUtf8(received.usage.raw, 0, received.usage.raw.length));
    expect(raw.calls).toMatchObject([{ promptTokenCount: 3 }, { promptTokenCount: 3 }, { promptTokenCount: 4 }]);
  });

  it("fails when one of its images fails", () => {
    const received = receive([answer([image("YQ==")]), answer([], {}, "IMAGE_SAFETY")], { n: 2 });
    expect(received).toMatchObject({ result: FAILED, problem: { code: "content_policy_violation" } });
  });

  it("without counts is estimated", () => {
    const { usage } = receive([answer([image("YQ==")])]);
    expect(usage).toMatchObject({ prompt: 2, completion: 1290, images: 1, source: USAGE_ESTIMATE });
  });

  it.each<[string, unknown, number, string]>([
    ["a blocked prompt", { promptFeedback: { blockReason: "SAFETY" } }, 400, "content_policy_violation"],
    ["a withheld image", answer([], {}, "IMAGE_PROHIBITED_CONTENT"), 400, "content_policy_violation"],
    ["words", answer([{ text: "Which cat?" }]), 400, "no_image"],
    ["words for no image", answer([{ text: "I cannot." }], {}, "NO_IMAGE"), 400, "no_image"],
    ["nothing", answer([], {}, "IMAGE_OTHER"), 502, "provider_error"],
    ["a broken call", answer([], {}, "MALFORMED_RESPONSE"), 502, "provider_error"],
    ["a draft alone", answer([image("YQ==", { thought: true })]), 502, "provider_error"],
    ["no candidate", {}, 502, "provider_error"],
    ["an error", { error: { code: 429, message: "M" } }, 429, "rate_limit_exceeded"],
    ["no object", [], 502, "provider_error"],
  ])("may be none: %s", (_name, body, status, code) => {
    expect(receive([body])).toMatchObject({ result: FAILED, text: "", problem: { status, code } });
  });

  it("repeats the words that came in an image's place, shortened", () => {
    expect(receive([answer([{ text: "Which cat?" }])]).problem?.message).toContain("Which cat?");
    const long = receive([answer([{ text: "x".repeat(10_000) }])]).problem?.message;
    expect(long?.length).toBeLessThan(400);
  });
});
