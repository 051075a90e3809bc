/**
 * The fake model's mind: one reply for one prompt, always the same. It echoes the last user text, with these exceptions:
 * - `call NAME {json}` lines, or a forced tool choice, become tool calls;
 * - tool results are read back;
 * - `count N` counts to N (long answers, one word an event);
 * - an asked-for JSON format is filled in;
 * - images that came along are described at the end.
 */
import { isObject, type JsonObject, listOf } from "./answer.ts";

export interface Tool {
  name: string;
  schema: unknown;
}

export interface Prompt {
  /** Text of the last user turn. */
  user: string;
  /** Results of tools, when they are what came last. */
  results: string[];
  /** One description per image of the last user turn. */
  images: string[];
  tools: Tool[];
  choice: "auto" | "none" | "required" | { name: string };
  /** null: free text; "json": any object; otherwise the JSON schema to fill in. */
  format: null | "json" | JsonObject;
  stop: string[];
  /** In words: one word is one token here. */
  limit: number | null;
  reasoning: boolean;
}

export interface Reply {
  reasoning: string;
  text: string;
  calls: { name: string; arguments: string }[];
  finish: "stop" | "stop_sequence" | "length" | "tool_calls";
}

export function reply(prompt: Prompt): Reply {
  const reasoning = prompt.reasoning ? `The user wants: ${prompt.user}` : "";
  const calls = toolCalls(prompt);
  if (calls.length > 0) return { reasoning, text: "", calls, finish: "tool_calls" };
  const { text, finish } = cutOff(freeText(prompt), prompt);
  return { reasoning, text, calls: [], finish };
}

function toolCalls(prompt: Prompt): Reply["calls"] {
  if (prompt.choice === "none" || prompt.tools.length === 0) return [];
  const known = new Map(prompt.tools.map((tool) => [tool.name, tool]));
  const asked = [...prompt.user.matchAll(/^call (\S+)(?: (.*))?$/gm)]
    .map((match) => ({ name: match[1] ?? "", arguments: match[2] ?? "{}" }))
    .filter((call) => known.has(call.name) && isJsonObject(call.arguments));
  const forced = typeof prompt.choice === "object" ? known.get(prompt.choice.name) : prompt.tools[0];
  if (prompt.results.length > 0 && prompt.choice === "auto") return [];
  if (asked.length > 0) return asked;
  if (prompt.choice === "auto" || forced === undefined) return [];
  return [{ name: forced.name, arguments: JSON.stringify(sample(forced.schema, prompt.user)) }];
}

function isJsonObject(text: string): boolean {
  try {
    return isObject(JSON.parse(text));
  } catch {
    return false;
  }
}

function freeText(prompt: Prompt): string {
  if (prompt.format === "json") return JSON.stringify({ echo: prompt.user });
  if (prompt.format !== null) return JSON.stringify(sample(prompt.format, prompt.user));
  if (prompt.results.length > 0) return `The tools said: ${prompt.results.join("; ")}`;
  const count = /^count (\d+)$/.exec(prompt.user);
  if (count !== null) return Array.from({ length: Number(count[1]) }, (_, index) => index + 1).join(" ");
  return [prompt.user, ...prompt.images.map((image) => `[${image}]`)].join(" ");
}

function cutOff(text: string, prompt: Prompt): { text: string; finish: Reply["finish"] } {
  const stops = prompt.stop.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  if (stops.length > 0) return { text: text.slice(0, Math.min(...stops)), finish: "stop_sequence" };
  const words = pieces(text);
  if (prompt.limit !== null && words.length > prompt.limit) {
    return { text: words.slice(0, prompt.limit).join(""), finish: "length" };
  }
  return { text, finish: "stop" };
}

/** The smallest value that fits a JSON schema; strings hold what the user said. */
export function sample(schema: unknown, said: string): unknown {
  if (!isObject(schema)) return {};
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if ("const" in schema) return schema.const;
  if (Array.isArray(schema.anyOf)) return sample(schema.anyOf[0], said);
  switch (listOf(schema.type)[0] ?? schema.type) {
    case "string":
      return said;
    case "integer":
    case "number":
      return 1;
    case "boolean":
      return true;
    case "null":
      return null;
    case "array":
      return [sample(schema.items, said)];
    default: {
      const properties = isObject(schema.properties) ? schema.properties : {};
      return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, sample(value, said)]));
    }
  }
}

/** Text in pieces of one word each, the white space kept before its word: joined they are the text again. */
export function pieces(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}

/** The fake tokenizer: one word, one token. */
export function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

/** Beginnings of images in base64. */
const BEGINNINGS: Record<string, string> = { iVBOR: "png", "/9j/": "jpeg", R0lG: "gif", UklGR: "webp" };

/** The type of an image that comes without a word about it. */
export function mediaTypeOf(base64: string): string {
  const beginning = Object.keys(BEGINNINGS).find((start) => base64.startsWith(start));
  return beginning === undefined ? "application/octet-stream" : `image/${BEGINNINGS[beginning]}`;
}

/** What an image is, as a test can compare it: `image https://…` or `image image/png 70 bytes`. */
export function describeImage(mediaType: string, base64: string): string {
  return `image ${mediaType} ${Buffer.from(base64, "base64").length} bytes`;
}

/** Tokens of a reply without those of its reasoning. */
export function spokenTokens(said: Reply): number {
  return countWords(said.text) + said.calls.reduce((sum, call) => sum + 1 + countWords(call.arguments), 0);
}
