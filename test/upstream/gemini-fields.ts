/** The fields that Gemini's API knows, at every level, and the refusal of all others. */
import { isObject, type JsonObject } from "./answer.ts";
import { invalidArgument } from "./gemini-error.ts";

/** What a field holds: another message, a list of them, or anything. */
type Shape = { [name: string]: Shape | "any" | { list: Shape } };

const BLOB: Shape = { mimeType: "any", data: "any", displayName: "any" };
const PART: Shape = {
  text: "any",
  inlineData: BLOB,
  fileData: { mimeType: "any", fileUri: "any", displayName: "any" },
  functionCall: { id: "any", name: "any", args: "any" },
  functionResponse: { id: "any", name: "any", response: "any", willContinue: "any", scheduling: "any", parts: "any" },
  executableCode: "any",
  codeExecutionResult: "any",
  thought: "any",
  thoughtSignature: "any",
  videoMetadata: "any",
  mediaResolution: "any",
  partMetadata: "any",
};
const CONTENT: Shape = { role: "any", parts: { list: PART } };

/** The part of OpenAPI's schema that `parameters` and `responseSchema` take; it is nested by {@link refuseUnknownSchema}. */
const SCHEMA =
  `type format title description nullable enum maxItems minItems properties required minProperties maxProperties minLength
  maxLength pattern example anyOf propertyOrdering default items minimum maximum`.split(/\s+/);

const GENERATE: Shape = {
  model: "any",
  contents: { list: CONTENT },
  systemInstruction: CONTENT,
  tools: {
    list: {
      functionDeclarations: {
        list: {
          name: "any",
          description: "any",
          behavior: "any",
          parameters: "any",
          parametersJsonSchema: "any",
          response: "any",
          responseJsonSchema: "any",
        },
      },
      googleSearch: "any",
      googleSearchRetrieval: "any",
      codeExecution: "any",
      urlContext: "any",
      googleMaps: "any",
      computerUse: "any",
      fileSearch: "any",
    },
  },
  toolConfig: {
    functionCallingConfig: { mode: "any", allowedFunctionNames: "any", streamFunctionCallArguments: "any" },
    retrievalConfig: "any",
  },
  safetySettings: { list: { category: "any", threshold: "any" } },
  cachedContent: "any",
  serviceTier: "any",
  store: "any",
  generationConfig: {
    stopSequences: "any",
    responseMimeType: "any",
    responseSchema: "any",
    responseJsonSchema: "any",
    responseModalities: "any",
    candidateCount: "any",
    maxOutputTokens: "any",
    temperature: "any",
    topP: "any",
    topK: "any",
    seed: "any",
    presencePenalty: "any",
    frequencyPenalty: "any",
    responseLogprobs: "any",
    logprobs: "any",
    enableEnhancedCivicAnswers: "any",
    speechConfig: "any",
    thinkingConfig: { includeThoughts: "any", thinkingBudget: "any", thinkingLevel: "any" },
    imageConfig: { aspectRatio: "any", imageSize: "any" },
    mediaResolution: "any",
  },
};

const EMBED: Shape = { model: "any", content: CONTENT, taskType: "any", title: "any", outputDimensionality: "any" };

export function knownGenerate(body: JsonObject): JsonObject {
  return known(body, GENERATE, "");
}

export function knownEmbed(body: JsonObject): JsonObject {
  return known(body, EMBED, "");
}

export function knownBatch(body: JsonObject): JsonObject {
  return known(body, { requests: { list: EMBED } }, "");
}

/** The message with names in camelCase; snake_case is taken too. Throws on a name that the message does not have. */
function known(value: JsonObject, shape: Shape, at: string): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      const expected = shape[camel];
      if (expected === undefined) throw unknownName(name, at);
      return [camel, knownMember(member, expected, path(at, camel))];
    }),
  );
}

function knownMember(member: unknown, expected: Shape | "any" | { list: Shape }, at: string): unknown {
  if (expected === "any") return member;
  if (isList(expected)) {
    // A single message may stand for a list of one, as everywhere in proto JSON.
    const members = Array.isArray(member) ? member : [member];
    return members.map((entry, index) => knownMember(entry, expected.list, `${at}[${index}]`));
  }
  if (!isObject(member)) throw invalidArgument(`Invalid value at '${at}' (oneof), ${JSON.stringify(member)}`);
  return known(member, expected, at);
}

function isList(expected: Shape | { list: Shape }): expected is { list: Shape } {
  return isObject(expected.list) && Object.keys(expected).length === 1;
}

/** Google names the places in its own spelling. */
function path(at: string, name: string): string {
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return at === "" ? snake : `${at}.${snake}`;
}

function unknownName(name: string, at: string) {
  const place = at === "" ? "" : ` at '${at}'`;
  return invalidArgument(`Invalid JSON payload received. Unknown name "${name}"${place}: Cannot find field.`);
}

/** Of `parameters` and `responseSchema`: they are messages too, and know no more than OpenAPI's keywords. */
export function refuseUnknownSchema(schema: unknown, at: string): void {
  if (!isObject(schema)) throw invalidArgument(`Invalid value at '${at}', ${JSON.stringify(schema)}`);
  const unknown = Object.keys(schema).find((name) => !SCHEMA.includes(name));
  if (unknown !== undefined) throw unknownName(unknown, at);
  if (Array.isArray(schema.type))
    throw invalidArgument(`Proto field is not repeating, cannot start list at '${at}.type'.`);
  if (isObject(schema.properties)) {
    if (Object.keys(schema.properties).length === 0) {
      throw invalidArgument(`* ${at}.properties: should be non-empty for OBJECT type\n`);
    }
    for (const [name, value] of Object.entries(schema.properties)) {
      refuseUnknownSchema(value, `${at}.properties['${name}']`);
    }
  }
  const type = String(schema.type).toUpperCase();
  if (type === "ARRAY" && schema.items === undefined) throw invalidArgument(`* ${at}.items: missing field.\n`);
  if (type === "STRING" && schema.format !== undefined && !["enum", "date-time"].includes(String(schema.format))) {
    throw invalidArgument(`* ${at}.format: only 'enum' and 'date-time' are supported for STRING type\n`);
  }
  if (Array.isArray(schema.enum) && schema.enum.includes(""))
    throw invalidArgument(`* ${at}.enum[0]: cannot be empty\n`);
  if (schema.items !== undefined) refuseUnknownSchema(schema.items, `${at}.items`);
}
