import { beforeEach, describe, expect, it } from "vitest";
import { chunksOf, probe } from "./probe.ts";

const OLD = "/v1beta/models/gemini-2.5-flash";
const NEW = "/v1beta/models/gemini-3.8-flash";
const user = (text: string) => ({ role: "user", parts: [{ text }] });
const hello = { contents: [user("hello there")] };
const tools = [{ functionDeclarations: [{ name: "f", parametersJsonSchema: { type: "object" } }] }];
const test = probe({ keys: ["k"], context: 20 }, { "x-goog-api-key": "k" });
const { ask, text } = test;
beforeEach(() => test.upstream.clearScript());

describe("Gemini dialect", () => {
  it("answers whole", async () => {
    expect(await ask(`${OLD}:generateContent`, hello)).toMatchObject({
      json: {
        candidates: [{ content: { role: "model", parts: [{ text: "hello there" }] }, finishReason: "STOP" }],
        usageMetadata: { promptTokenCount: 2, candidatesTokenCount: 2, totalTokenCount: 4 },
      },
    });
  });

  it("streams events that end in CRLF, and no [DONE]", async () => {
    const said = await text(`${OLD}:streamGenerateContent?alt=sse`, hello);
    expect(said.split("\r\n\r\n")).toHaveLength(4);
    expect(said).not.toContain("[DONE]");
    expect(chunksOf(said).at(-1)).toMatchObject({
      candidates: [{ finishReason: "STOP" }],
      usageMetadata: { totalTokenCount: 4 },
    });
  });

  it("streams an array without alt=sse", async () => {
    const answer = await test.post(`${OLD}:streamGenerateContent`, hello);
    expect(answer.headers.get("content-type")).toContain("application/json");
    expect(await answer.json()).toHaveLength(3);
  });

  it("takes names in snake_case too", async () => {
    const body = { ...hello, generation_config: { max_output_tokens: 1 } };
    expect(await ask(`${OLD}:generateContent`, body)).toMatchObject({
      json: { candidates: [{ finishReason: "MAX_TOKENS" }] },
    });
  });

  it("thinks aloud, fills in schemas, describes images", async () => {
    const generationConfig = {
      thinkingConfig: { thinkingLevel: "low", includeThoughts: true },
      responseMimeType: "application/json",
      responseJsonSchema: { type: "object", properties: { a: { type: "integer" } } },
    };
    expect(await ask(`${NEW}:generateContent`, { ...hello, generationConfig })).toMatchObject({
      json: {
        candidates: [{ content: { parts: [{ thought: true }, { text: '{"a":1}' }] } }],
        usageMetadata: { thoughtsTokenCount: 5 },
      },
    });
    const parts = [{ text: "see" }, { inlineData: { mimeType: "image/png", data: "AAAA" } }];
    expect(await ask(`${NEW}:generateContent`, { contents: [{ role: "user", parts }] })).toMatchObject({
      json: { candidates: [{ content: { parts: [{ text: "see [image image/png 3 bytes]" }] } }] },
    });
  });

  it("signs the first call of a step, and wants the signature back", async () => {
    const contents = [user('call f {"x":1}\ncall f {"x":2}')];
    const first = await ask(`${NEW}:generateContent`, { contents, tools });
    const { candidates } = first.json as { candidates: { content: { parts: Record<string, unknown>[] } }[] };
    const said = candidates[0]?.content.parts ?? [];
    expect(said.map((part) => typeof part.thoughtSignature)).toEqual(["string", "undefined"]);
    const results = said.map((_, index) => ({ functionResponse: { name: "f", response: { output: `r${index}` } } }));
    const then = (parts: object[]) =>
      ask(`${NEW}:generateContent`, {
        contents: [...contents, { role: "model", parts }, { role: "user", parts: results }],
        tools,
      });
    expect(await then(said)).toMatchObject({
      json: { candidates: [{ content: { parts: [{ text: "The tools said: r0; r1" }] } }] },
    });
    const bare = said.map(({ functionCall }) => ({ functionCall }));
    expect(JSON.stringify(await then(bare))).toContain("missing a thought_signature");
    const wrong = [{ ...bare[0], thoughtSignature: "QUJD" }, bare[1] as object];
    expect(JSON.stringify(await then(wrong))).toContain("Corrupted thought signature");
    expect(
      (await then([{ ...bare[0], thoughtSignature: "skip_thought_signature_validator" }, bare[1] as object])).status,
    ).toBe(200);
  });

  it("embeds one and many, in order", async () => {
    const request = (words: string) => ({ model: "models/e", content: { parts: [{ text: words }] } });
    expect(await ask("/v1beta/models/e:embedContent", request("abc"))).toMatchObject({
      json: { embedding: { values: [3, 0, 0, 0, 0, 0, 0, 0] } },
    });
    const requests = [request("abc"), { ...request("de"), outputDimensionality: 2 }];
    expect(await ask("/v1beta/models/e:batchEmbedContents", { requests })).toMatchObject({
      json: { embeddings: [{ values: [3, 0, 0, 0, 0, 0, 0, 0] }, { values: [2, 0] }] },
    });
  });

  it("draws when it is asked to", async () => {
    const body = {
      ...hello,
      generationConfig: { responseModalities: ["IMAGE"], imageConfig: { aspectRatio: "16:9" } },
    };
    expect(await ask("/v1beta/models/gemini-3.1-flash-image:generateContent", body)).toMatchObject({
      json: { candidates: [{ content: { parts: [{ inlineData: { mimeType: "image/png" } }] } }] },
    });
  });

  const config = (generationConfig: object) => ({ ...hello, generationConfig });
  const called = { role: "model", parts: [{ functionCall: { name: "f", args: {} } }] };
  it.each([
    ["an unknown name", { ...hello, n: 1 }, 'Unknown name "n": Cannot find field.'],
    [
      "one further in",
      config({ max_tokens: 1 }),
      `Unknown name "max_tokens" at 'generation_config': Cannot find field.`,
    ],
    ["no contents", { contents: [] }, "contents is not specified"],
    ["a strange role", { contents: [{ role: "assistant", parts: [{ text: "x" }] }] }, "valid role: user, model"],
    ["an empty part", { contents: [{ role: "user", parts: [{}] }] }, "must have one initialized field"],
    [
      "a call without response",
      { contents: [user("x"), called, user("y")], tools },
      "number of function response parts",
    ],
    ["penalties", config({ presencePenalty: 1 }), "Penalty is not enabled"],
    [
      "budget and level",
      config({ thinkingConfig: { thinkingBudget: 1, thinkingLevel: "low" } }),
      "only one of thinking",
    ],
    [
      "a full schema as parameters",
      { ...hello, tools: [{ functionDeclarations: [{ name: "f", parameters: { additionalProperties: false } }] }] },
      'Unknown name "additionalProperties"',
    ],
    ["images of a model of words", config({ responseModalities: ["IMAGE"] }), "response modalities"],
    ["a long prompt", { contents: [user("word ".repeat(21))] }, "input token count (21) exceeds"],
  ])("refuses %s", async (_, body, message) => {
    const answer = await ask(`${NEW}:generateContent`, body);
    expect(answer).toMatchObject({ status: 400, json: { error: { code: 400, status: "INVALID_ARGUMENT" } } });
    expect((answer.json as { error: { message: string } }).error.message).toContain(message);
  });

  it("refuses ids of calls and JSON beside functions before the third generation", async () => {
    const contents = [user("x"), { role: "model", parts: [{ functionCall: { id: "1", name: "f" } }] }];
    expect(JSON.stringify(await ask(`${OLD}:generateContent`, { contents, tools }))).toContain('Unknown name \\"id\\"');
    const body = { ...config({ responseMimeType: "application/json" }), tools };
    expect(JSON.stringify(await ask(`${OLD}:generateContent`, body))).toContain("is unsupported");
  });

  it("calls a bad key a bad request, and tells in the body when to come again", async () => {
    expect(await ask(`${OLD}:generateContent`, hello, { "x-goog-api-key": "x" })).toMatchObject({
      status: 400,
      json: { error: { status: "INVALID_ARGUMENT", details: [{ reason: "API_KEY_INVALID" }] } },
    });
    test.upstream.script({ status: 429 });
    expect(await ask(`${OLD}:generateContent`, hello)).toMatchObject({
      status: 429,
      json: { error: { status: "RESOURCE_EXHAUSTED", details: [{}, { retryDelay: "34s" }] } },
    });
  });
});
