/** What DashScope refuses before a model sees it, in its own words. */
import { type Account, isObject, type JsonObject, listOf, objectsOf } from "./answer.ts";
import { invalid, nativeRefusal } from "./dashscope-error.ts";
import { textOf } from "./openai-prompt.ts";
import { countWords } from "./reply.ts";

/** Models of the multimodal service; the text service answers "url error" to them. */
const MULTIMODAL_MODELS = /-vl|qvq|omni|-ocr|-audio|qwen3\.[5-9]/;
/** They think only in streams. */
export const STREAM_ONLY_THINKERS = /^(qwen3-\d|qwq)/;
const PARTS = ["text", "image", "audio", "video", "fps", "min_pixels", "max_pixels", "cache_control"];
const ROLES = ["system", "user", "assistant", "tool"];

export function isMultimodal(model: string): boolean {
  return MULTIMODAL_MODELS.test(model);
}

export function checkKey(headers: Record<string, string>, account: Account): void {
  const key = headers.authorization?.replace(/^Bearer /, "") ?? "";
  if (account.keys === undefined || account.keys.includes(key)) return;
  throw nativeRefusal(401, "InvalidApiKey", key === "" ? "No API-key provided." : "Invalid API-key provided.");
}

export function checkChat(body: JsonObject, multimodal: boolean, streams: boolean, account: Account): void {
  const input = isObject(body.input) ? body.input : {};
  const messages = input.messages;
  if (messages === undefined && typeof input.prompt !== "string") {
    throw invalid("<400> InternalError.Algo.InvalidParameter: Either prompt or messages must be provided.");
  }
  if (!Array.isArray(messages) || messages.length === 0)
    throw invalid("Input should be a non-empty list: input.messages");
  for (const message of messages) checkMessage(message, multimodal);
  checkRounds(objectsOf(messages));
  const parameters = isObject(body.parameters) ? body.parameters : {};
  checkRanges(parameters);
  checkTools(parameters);
  checkFormat(parameters.response_format, messages);
  checkThinking(String(body.model), parameters, streams);
  const tokens = objectsOf(messages).reduce((sum, message) => sum + countWords(textOf(message.content)), 0);
  if (account.context !== undefined && tokens > account.context) {
    throw invalid(`Range of input length should be [1, ${account.context}]`);
  }
}

function checkMessage(message: unknown, multimodal: boolean): void {
  if (!isObject(message)) throw invalid("Input should be a valid dictionary: input.messages");
  if (!ROLES.includes(String(message.role))) {
    throw invalid(
      `${message.role} is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.role'`,
    );
  }
  const { content } = message;
  if (content === undefined && message.tool_calls === undefined)
    throw invalid("Field required: input.messages.content");
  if (!multimodal) {
    if (content !== undefined && content !== null && typeof content !== "string") {
      throw invalid("Input should be a valid string: input.messages.content");
    }
  } else if (content !== undefined) checkParts(content);
  for (const call of objectsOf(message.tool_calls)) {
    const called = call.function;
    if (!isObject(called) || typeof called.arguments !== "string" || typeof called.name !== "string") {
      throw invalid("Field required: input.messages.tool_calls.function");
    }
  }
}

/** Parts have no `type`: each is named by what it holds. */
function checkParts(content: unknown): void {
  if (!Array.isArray(content)) throw invalid("Input should be a valid list: input.messages.content");
  for (const part of content) {
    const unknown = isObject(part) ? Object.keys(part).find((name) => !PARTS.includes(name)) : "";
    if (unknown !== undefined) throw invalid(`The item of content should be a message of a certain modal: ${unknown}`);
    const image = (part as JsonObject).image;
    if (image === undefined) continue;
    if (!/^(https?:\/\/|oss:\/\/|data:image\/\w+;base64,)/.test(String(image)))
      throw invalid("The image url is invalid.");
  }
}

function checkRounds(messages: JsonObject[]): void {
  let open: unknown[] = [];
  for (const message of messages) {
    if (message.role === "tool") {
      if (!open.includes(message.tool_call_id)) {
        throw invalid(
          '<400> InternalError.Algo.InvalidParameter: messages with role "tool" must be a response to a preceeding message with "tool_calls".',
        );
      }
      open = open.filter((id) => id !== message.tool_call_id);
      continue;
    }
    refuseOpen(open);
    open = objectsOf(message.tool_calls).map((call) => call.id);
  }
  refuseOpen(open);
}

function refuseOpen(open: unknown[]): void {
  if (open.length === 0) return;
  throw invalid(
    '<400> InternalError.Algo.InvalidParameter: An assistant message with "tool_calls" must be followed by tool messages responding to each "tool_call_id".',
  );
}

function checkRanges(parameters: JsonObject): void {
  const { temperature, top_p, max_tokens, n, stop } = parameters;
  if (temperature !== undefined && !(Number(temperature) >= 0 && Number(temperature) < 2)) {
    throw invalid("Temperature should be in [0.0, 2.0)");
  }
  if (top_p !== undefined && !(Number(top_p) > 0 && Number(top_p) < 1)) {
    throw invalid("Range of top_p should be (0.0, 1.0)");
  }
  if (max_tokens !== undefined && !(Number(max_tokens) >= 1)) throw invalid("Range of max_tokens should be [1, 65536]");
  if (n !== undefined && !(Number(n) >= 1 && Number(n) <= 4)) throw invalid("Range of n should be [1, 4]");
  if (Array.isArray(stop) && stop.length === 0) throw invalid("stop should not be empty");
}

function checkTools(parameters: JsonObject): void {
  for (const tool of objectsOf(parameters.tools)) {
    if (tool.type !== "function" || !isObject(tool.function) || typeof tool.function.name !== "string") {
      throw invalid("<400> InternalError.Algo.InvalidParameter: [] is too short - 'tools'");
    }
  }
  const choice = parameters.tool_choice;
  if (choice === undefined || choice === "auto" || choice === "none" || isObject(choice)) return;
  throw invalid(
    `<400> InternalError.Algo.InvalidParameter: The tool_choice parameter does not support being set to ${choice}.`,
  );
}

function checkFormat(format: unknown, messages: unknown[]): void {
  if (!isObject(format)) return;
  if (format.type === "json_object" && !/json/i.test(JSON.stringify(messages))) {
    throw invalid(
      "<400> InternalError.Algo.InvalidParameter: 'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
    );
  }
  const schema = isObject(format.json_schema) ? format.json_schema : {};
  if (format.type === "json_schema" && (typeof schema.name !== "string" || !isObject(schema.schema))) {
    throw invalid("Field required: parameters.response_format.json_schema.schema");
  }
}

function checkThinking(model: string, parameters: JsonObject, streams: boolean): void {
  if (parameters.enable_thinking !== true) return;
  if (!streams && STREAM_ONLY_THINKERS.test(model)) {
    throw invalid("parameter.enable_thinking must be set to false for non-streaming calls");
  }
  if (streams && parameters.incremental_output !== true) {
    throw invalid("This model only support incremental_output set to True when thinking.");
  }
}

/** Of the models that make images at once: one user message of text, and sizes as `W*H`. */
export function checkSynchronousImage(body: JsonObject, most: number): void {
  const messages = isObject(body.input) ? objectsOf(body.input.messages) : [];
  if (messages.length !== 1 || messages[0]?.role !== "user") throw invalid("Input should have one user message");
  const content = listOf(messages[0].content);
  checkParts(messages[0].content);
  if (!content.some((part) => isObject(part) && typeof part.text === "string" && part.text !== "")) {
    throw invalid("Field required: input.messages.content.text");
  }
  checkImageParameters(body.parameters, most);
}

export function checkImageParameters(parameters: unknown, most: number): void {
  if (!isObject(parameters)) return;
  const { size, n } = parameters;
  if (size !== undefined && !/^\d+\*\d+$/.test(String(size)))
    throw invalid("size must be in the format of width*height");
  if (n !== undefined && !(Number.isInteger(n) && Number(n) >= 1 && Number(n) <= most)) {
    throw invalid(`num_images_per_prompt must be in [1, ${most}]`);
  }
}
