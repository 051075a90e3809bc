/** What Gemini refuses before a model sees it, in Google's words. */
import { type Account, isObject, type JsonObject, listOf, objectsOf } from "./answer.ts";
import { badField, invalidArgument } from "./gemini-error.ts";
import { knownGenerate, refuseUnknownSchema } from "./gemini-fields.ts";
import { checkRounds } from "./gemini-rounds.ts";
import { countWords } from "./reply.ts";

const DATA = "text inlineData fileData functionCall functionResponse executableCode codeExecutionResult".split(" ");
const IMAGE_TYPES = ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];
const ASPECT_RATIOS = "1:1 2:3 3:2 3:4 4:3 4:5 5:4 9:16 16:9 21:9 1:4 4:1 1:8 8:1".split(" ");

/** 2.5, 3, 3.1 …; of names without a number, the newest. */
export function generationOf(model: string): number {
  return Number(/^gemini-(\d+(?:\.\d+)?)/.exec(model)?.[1] ?? 99);
}

export function checkGenerate(body: JsonObject, model: string, { context }: Account): void {
  const request = knownGenerate(body);
  const contents = objectsOf(request.contents);
  if (contents.length === 0) throw badField("contents", "contents is not specified");
  for (const [index, content] of contents.entries()) checkContent(content, `contents[${index}]`, model);
  if (isObject(request.systemInstruction)) checkSystem(request.systemInstruction);
  checkRounds(contents, generationOf(model) >= 3);
  const functions = checkTools(request);
  checkConfig(isObject(request.generationConfig) ? request.generationConfig : {}, model, functions);
  const tokens = promptTokens(body);
  if (context !== undefined && tokens > context) {
    throw invalidArgument(
      `The input token count (${tokens}) exceeds the maximum number of tokens allowed (${context}).`,
    );
  }
}

export function promptTokens(body: JsonObject): number {
  const request = knownGenerate(body);
  const all = [...objectsOf(request.contents), ...objectsOf([request.systemInstruction])];
  return all.reduce((sum, content) => sum + countWords(textOf(content)), 0);
}

/** The text of a content without what was thought. */
export function textOf(content: JsonObject | undefined): string {
  return objectsOf(content?.parts)
    .filter((part) => typeof part.text === "string" && part.thought !== true)
    .map((part) => String(part.text))
    .join("\n");
}

function checkSystem(system: JsonObject): void {
  const parts = objectsOf(system.parts);
  if (parts.length === 0) throw badField("system_instruction.parts", "contents.parts must not be empty.");
  if (parts.some((part) => part.text === undefined)) throw invalidArgument("System instruction only supports text.");
}

function checkContent(content: JsonObject, at: string, model: string): void {
  const { role } = content;
  if (role !== undefined && !["user", "model", "function"].includes(String(role))) {
    throw invalidArgument("Please use a valid role: user, model.");
  }
  const parts = objectsOf(content.parts);
  if (parts.length === 0) throw badField(`${at}.parts`, "contents.parts must not be empty.");
  for (const [index, part] of parts.entries()) checkPart(part, `${at}.parts[${index}]`, model);
}

function checkPart(part: JsonObject, at: string, model: string): void {
  const held = DATA.filter((name) => part[name] !== undefined);
  if (held.length === 0) throw badField(`${at}.data`, "required oneof field 'data' must have one initialized field");
  if (held.length > 1) {
    throw invalidArgument(
      `Invalid value at '${at}' (oneof), oneof field 'data' is already set. Cannot set '${held[1]}'`,
    );
  }
  if (isObject(part.inlineData)) checkBlob(part.inlineData, `${at}.inline_data`);
  if (isObject(part.fileData) && typeof part.fileData.fileUri !== "string") {
    throw badField(`${at}.file_data.file_uri`, "file_uri is not specified");
  }
  for (const [name, snake] of [
    ["functionCall", "function_call"],
    ["functionResponse", "function_response"],
  ] as const) {
    const called = part[name];
    if (!isObject(called)) continue;
    if (typeof called.name !== "string" || called.name === "")
      throw badField(`${at}.${snake}.name`, "Name cannot be empty.");
    if (called.id !== undefined && generationOf(model) < 3) {
      throw invalidArgument(`Invalid JSON payload received. Unknown name "id" at '${at}.${snake}': Cannot find field.`);
    }
    const value = name === "functionCall" ? called.args : called.response;
    if ((value !== undefined || name === "functionResponse") && !isObject(value)) {
      throw invalidArgument(`Invalid value at '${at}.${snake}' (type.googleapis.com/google.protobuf.Struct)`);
    }
  }
}

function checkBlob(blob: JsonObject, at: string): void {
  const type = String(blob.mimeType);
  if (blob.mimeType === undefined || (type.startsWith("image/") && !IMAGE_TYPES.includes(type))) {
    throw invalidArgument(`Unsupported MIME type: ${type}`);
  }
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(String(blob.data))) {
    throw invalidArgument(`Invalid value at '${at}.data' (TYPE_BYTES), Base64 decoding failed`);
  }
}

/** Answers whether there are functions. */
function checkTools(request: JsonObject): boolean {
  const declared = objectsOf(request.tools).flatMap((tool) => objectsOf(tool.functionDeclarations));
  for (const [index, declaration] of declared.entries()) {
    const at = `tools[0].function_declarations[${index}]`;
    if (!/^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$/.test(String(declaration.name))) {
      throw badField(
        `${at}.name`,
        "[FIELD_INVALID] Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.",
      );
    }
    if (declaration.parameters !== undefined && declaration.parametersJsonSchema !== undefined) {
      throw badField(at, "parameters and parameters_json_schema are mutually exclusive.");
    }
    if (declaration.parameters !== undefined) refuseUnknownSchema(declaration.parameters, `${at}.parameters`);
  }
  const config = isObject(request.toolConfig) ? request.toolConfig.functionCallingConfig : undefined;
  if (isObject(config)) checkCalling(config, declared);
  return declared.length > 0;
}

function checkCalling(config: JsonObject, declared: JsonObject[]): void {
  if (declared.length === 0) throw invalidArgument("Function calling config is set without function_declarations.");
  if (!["AUTO", "ANY", "NONE", "VALIDATED"].includes(String(config.mode))) {
    throw invalidArgument(`Invalid value at 'tool_config.function_calling_config.mode', "${config.mode}"`);
  }
  const allowed = listOf(config.allowedFunctionNames);
  if (allowed.length > 0 && config.mode !== "ANY" && config.mode !== "VALIDATED") {
    throw invalidArgument("Please set allowed_function_names only when function calling mode is ANY.");
  }
  const unknown = allowed.find((name) => !declared.some((declaration) => declaration.name === name));
  if (unknown !== undefined) {
    throw invalidArgument(`allowed_function_names contains a function name that is not declared: ${unknown}`);
  }
}

function checkConfig(config: JsonObject, model: string, functions: boolean): void {
  checkNumbers(config);
  const generation = generationOf(model);
  if (generation >= 3 && (config.presencePenalty !== undefined || config.frequencyPenalty !== undefined)) {
    throw invalidArgument(`Penalty is not enabled for models/${model}`);
  }
  if (listOf(config.stopSequences).length > 5) {
    throw badField("generation_config.stop_sequences", "at most 5 stop sequences can be specified");
  }
  if (config.logprobs !== undefined && config.responseLogprobs !== true) {
    throw badField("generation_config.logprobs", "logprobs requires response_logprobs to be true");
  }
  checkFormat(config, generation, functions);
  if (isObject(config.thinkingConfig)) checkThinking(config.thinkingConfig, generation);
  checkModalities(config, model);
}

function checkNumbers(config: JsonObject): void {
  const ranges: [string, number, number][] = [
    ["temperature", 0, 2],
    ["topP", 0, 1],
    ["maxOutputTokens", 1, Number.MAX_SAFE_INTEGER],
    ["candidateCount", 1, 8],
    ["logprobs", 0, 20],
    ["seed", -(2 ** 31), 2 ** 31 - 1],
  ];
  for (const [name, low, high] of ranges) {
    const value = config[name];
    if (value === undefined) continue;
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (typeof value !== "number") {
      throw invalidArgument(`Invalid value at 'generation_config.${snake}', ${JSON.stringify(value)}`);
    }
    if (value < low || value > high) throw badField(`generation_config.${snake}`, `${snake} is out of range: ${value}`);
  }
}

function checkFormat(config: JsonObject, generation: number, functions: boolean): void {
  const { responseMimeType, responseSchema, responseJsonSchema } = config;
  if (
    responseMimeType !== undefined &&
    !["text/plain", "application/json", "text/x.enum"].includes(String(responseMimeType))
  ) {
    throw badField("generation_config.response_mime_type", "allowed mimetypes are `text/plain`, `application/json`");
  }
  if (responseSchema !== undefined && responseJsonSchema !== undefined) {
    throw invalidArgument("response_schema and response_json_schema are mutually exclusive.");
  }
  const schema = responseSchema ?? responseJsonSchema;
  if (schema !== undefined && responseMimeType === undefined) {
    throw invalidArgument("A response schema is only supported with response mime type application/json.");
  }
  if (responseSchema !== undefined) refuseUnknownSchema(responseSchema, "generation_config.response_schema");
  if (functions && generation < 3 && responseMimeType === "application/json") {
    throw invalidArgument("Function calling with a response mime type: 'application/json' is unsupported");
  }
}

function checkThinking(thinking: JsonObject, generation: number): void {
  const { thinkingBudget, thinkingLevel } = thinking;
  if (generation < 2.5) throw invalidArgument("Thinking is not enabled for this model.");
  if (thinkingBudget !== undefined && thinkingLevel !== undefined) {
    throw invalidArgument("You can only set only one of thinking budget and thinking level.");
  }
  if (thinkingLevel !== undefined && generation < 3) {
    throw invalidArgument("Thinking level is not supported for this model.");
  }
  if (
    thinkingLevel !== undefined &&
    !["minimal", "low", "medium", "high"].includes(String(thinkingLevel).toLowerCase())
  ) {
    throw invalidArgument(`Invalid value at 'generation_config.thinking_config.thinking_level', "${thinkingLevel}"`);
  }
}

function checkModalities(config: JsonObject, model: string): void {
  const modalities = listOf(config.responseModalities).map(String);
  const wantsImage = modalities.some((modality) => modality.toUpperCase() === "IMAGE");
  if (wantsImage && !/-image|banana/.test(model)) {
    throw invalidArgument("The requested combination of response modalities (IMAGE) is not supported by the model.");
  }
  if (!isObject(config.imageConfig)) return;
  const { aspectRatio, imageSize } = config.imageConfig;
  if (aspectRatio !== undefined && !ASPECT_RATIOS.includes(String(aspectRatio))) {
    throw invalidArgument(`aspect_ratio must be one of ${ASPECT_RATIOS.join(", ")}.`);
  }
  if (imageSize !== undefined && !["512", "1K", "2K", "4K"].includes(String(imageSize))) {
    throw invalidArgument("image_size must be one of 1K, 2K, 4K.");
  }
}
