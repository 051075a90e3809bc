/** What Gemini generates, whole and as the answers of a stream. */
import type { DialectRequest, JsonObject } from "./answer.ts";
import { isObject, listOf, objectsOf } from "./answer.ts";
import { generationOf, promptTokens, textOf } from "./gemini-check.ts";
import { knownGenerate } from "./gemini-fields.ts";
import { signatureOf } from "./gemini-rounds.ts";
import { countWords, describeImage, type Prompt, pieces, type Reply, reply, spokenTokens } from "./reply.ts";

/** A call for tools ends like any other answer. */
const FINISH = { stop: "STOP", stop_sequence: "STOP", length: "MAX_TOKENS", tool_calls: "STOP" };
/** A real PNG of one pixel. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const IMAGE_TOKENS = 1290;

export interface Generated {
  whole: JsonObject;
  chunks: JsonObject[];
  usage: JsonObject;
}

export function generate(body: JsonObject, model: string, request: DialectRequest): Generated {
  const known = knownGenerate(body);
  const config = isObject(known.generationConfig) ? known.generationConfig : {};
  const prompt = promptOf(known, config);
  const said = reply(prompt);
  const draws = /-image|banana/.test(model);
  const signed = generationOf(model) >= 3;
  const count = typeof config.candidateCount === "number" ? config.candidateCount : 1;
  const counted = draws ? { candidatesTokenCount: IMAGE_TOKENS, thoughtsTokenCount: 0 } : spent(said, count);
  const usage = { ...usageOf(promptTokens(body), counted), ...request.usage };
  const answer = (parts: JsonObject[], finish: string | null, told: JsonObject): JsonObject => ({
    candidates: Array.from({ length: count }, (_, index) => ({
      content: { ...(parts.length === 0 ? {} : { parts }), role: "model" },
      ...(finish === null ? {} : { finishReason: finish }),
      index,
    })),
    usageMetadata: told,
    modelVersion: model,
    responseId: `resp-${request.sequence}`,
  });
  const last = FINISH[said.finish];
  const parts = draws ? [drawn()] : wholeParts(said, signed);
  const steps = draws ? [drawn()] : stepsOf(said, signed);
  const opening = { promptTokenCount: usage.promptTokenCount, totalTokenCount: usage.promptTokenCount };
  const ending = signed && said.calls.length === 0 ? [{ text: "", thoughtSignature: signatureOf(said.text, {}) }] : [];
  return {
    whole: answer(parts, last, usage),
    chunks: [...steps.map((part) => answer([part], null, opening)), answer(ending, last, usage)],
    usage,
  };
}

function drawn(): JsonObject {
  return { inlineData: { mimeType: "image/png", data: PIXEL } };
}

function wholeParts(said: Reply, signed: boolean): JsonObject[] {
  const thought = said.reasoning === "" ? [] : [{ text: said.reasoning, thought: true }];
  const text = said.text === "" ? [] : [{ text: said.text }];
  return [...thought, ...text, ...callParts(said, signed)];
}

/** Text comes word by word, a call whole. */
function stepsOf(said: Reply, signed: boolean): JsonObject[] {
  return [
    ...pieces(said.reasoning).map((text) => ({ text, thought: true })),
    ...pieces(said.text).map((text) => ({ text })),
    ...callParts(said, signed),
  ];
}

/** Only models that sign have ids for their calls, and of calls made at once only the first is signed. */
function callParts(said: Reply, signed: boolean): JsonObject[] {
  return said.calls.map((call, index) => {
    const args = JSON.parse(call.arguments) as JsonObject;
    if (!signed) return { functionCall: { name: call.name, args } };
    const functionCall = { id: `call_${index + 1}`, name: call.name, args };
    return index === 0 ? { functionCall, thoughtSignature: signatureOf(call.name, args) } : { functionCall };
  });
}

function spent(said: Reply, count: number): JsonObject {
  return { candidatesTokenCount: count * spokenTokens(said), thoughtsTokenCount: count * countWords(said.reasoning) };
}

function usageOf(prompt: number, counted: JsonObject): JsonObject {
  const { candidatesTokenCount, thoughtsTokenCount } = counted;
  return {
    promptTokenCount: prompt,
    candidatesTokenCount,
    ...(thoughtsTokenCount === 0 ? {} : { thoughtsTokenCount }),
    totalTokenCount: prompt + Number(candidatesTokenCount) + Number(thoughtsTokenCount),
    promptTokensDetails: [{ modality: "TEXT", tokenCount: prompt }],
  };
}

function promptOf(request: JsonObject, config: JsonObject): Prompt {
  const contents = objectsOf(request.contents);
  const lastUser = contents.findLast((content) => content.role !== "model" && spokenParts(content).length > 0);
  const thinking = isObject(config.thinkingConfig) ? config.thinkingConfig : {};
  const schema = config.responseJsonSchema ?? config.responseSchema;
  const json = config.responseMimeType === "application/json" ? "json" : null;
  return {
    user: textOf(lastUser),
    results: objectsOf(contents.at(-1)?.parts).flatMap(resultOf),
    images: spokenParts(lastUser).flatMap(imageOf),
    tools: objectsOf(request.tools)
      .flatMap((tool) => objectsOf(tool.functionDeclarations))
      .map(({ name, parametersJsonSchema, parameters }) => ({
        name: String(name),
        schema: parametersJsonSchema ?? parameters,
      })),
    choice: choiceOf(request.toolConfig),
    format: isObject(schema) ? schema : json,
    stop: listOf(config.stopSequences).map(String),
    limit: typeof config.maxOutputTokens === "number" ? config.maxOutputTokens : null,
    reasoning: thinking.includeThoughts === true,
  };
}

function spokenParts(content: JsonObject | undefined): JsonObject[] {
  return objectsOf(content?.parts).filter((part) => part.functionResponse === undefined);
}

/** What a tool answered: text stands in `output` or `result`. */
function resultOf(part: JsonObject): string[] {
  if (!isObject(part.functionResponse) || !isObject(part.functionResponse.response)) return [];
  const { output, result } = part.functionResponse.response;
  const text = output ?? result ?? part.functionResponse.response;
  return [typeof text === "string" ? text : JSON.stringify(text)];
}

function imageOf(part: JsonObject): string[] {
  if (isObject(part.inlineData)) return [describeImage(String(part.inlineData.mimeType), String(part.inlineData.data))];
  return isObject(part.fileData) ? [`image ${part.fileData.fileUri}`] : [];
}

function choiceOf(toolConfig: unknown): Prompt["choice"] {
  const config = isObject(toolConfig) ? toolConfig.functionCallingConfig : null;
  if (!isObject(config)) return "auto";
  if (config.mode === "NONE") return "none";
  if (config.mode !== "ANY") return "auto";
  const [only, ...others] = listOf(config.allowedFunctionNames);
  return typeof only === "string" && others.length === 0 ? { name: only } : "required";
}
