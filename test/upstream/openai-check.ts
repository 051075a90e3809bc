/** What OpenAI refuses before a model sees it, with its own words. */
import { type Account, isObject, type JsonObject, listOf, objectsOf, Refused } from "./answer.ts";
import type { FormFile } from "./form.ts";
import { promptTokens } from "./openai-prompt.ts";
import { inputsOf } from "./openai-shape.ts";

const CHAT_FIELDS = new Set(
  `model messages max_completion_tokens max_tokens temperature top_p n stop stream stream_options tools tool_choice
  parallel_tool_calls response_format reasoning_effort verbosity seed logprobs top_logprobs logit_bias frequency_penalty
  presence_penalty modalities audio prediction web_search_options store metadata moderation service_tier user
  safety_identifier prompt_cache_key prompt_cache_retention prompt_cache_options functions function_call`.split(/\s+/),
);
const ROLES = ["developer", "system", "user", "assistant", "tool", "function"];
const PARTS = new Set(["text", "image_url", "input_audio", "file", "refusal"]);

/** Models that want `max_completion_tokens` and no sampling. */
const REASONING_MODEL = /^(o\d|gpt-[5-9])/;

export function invalid(message: string, param: string | null, code: string | null = null): Refused {
  return new Refused(400, "invalid_request_error", message, param, code);
}

export function errorBody({ message, type, param, code }: Refused): JsonObject {
  return { error: { message, type, param, code } };
}

export function checkKey(headers: Record<string, string>, account: Account): void {
  const key = headers["api-key"] ?? headers.authorization?.replace(/^Bearer /, "");
  if (account.keys === undefined) return;
  if (key === undefined || key === "") {
    throw new Refused(401, "invalid_request_error", "You didn't provide an API key.", null, null);
  }
  if (!account.keys.includes(key)) {
    const message = `Incorrect API key provided: ${key}. You can find your API key at https://platform.openai.com/account/api-keys.`;
    throw new Refused(401, "invalid_request_error", message, null, "invalid_api_key");
  }
}

export function checkModel(model: unknown, account: Account): string {
  if (typeof model !== "string" || model === "") throw invalid("you must provide a model parameter", null);
  if (account.models !== undefined && !account.models.includes(model)) {
    const message = `The model \`${model}\` does not exist or you do not have access to it.`;
    throw new Refused(404, "invalid_request_error", message, null, "model_not_found");
  }
  return model;
}

export function checkChat(body: JsonObject, account: Account): void {
  const model = checkModel(body.model, account);
  if (!account.lenient) {
    for (const name of Object.keys(body)) {
      if (!CHAT_FIELDS.has(name)) throw invalid(`Unknown parameter: '${name}'.`, name, "unknown_parameter");
    }
    checkReasoningModel(model, body);
  }
  if (!Array.isArray(body.messages)) {
    throw invalid("Missing required parameter: 'messages'.", "messages", "missing_required_parameter");
  }
  if (body.messages.length === 0) {
    const message =
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.";
    throw invalid(message, "messages", "empty_array");
  }
  body.messages.forEach(checkMessage);
  checkToolTurns(body.messages.filter(isObject));
  checkTools(body);
  checkRange(body, "temperature", 0, 2);
  checkRange(body, "top_p", 0, 1);
  checkRange(body, "n", 1, 128);
  checkRange(body, "top_logprobs", 0, 20);
  if (body.stream !== undefined && body.stream !== null && typeof body.stream !== "boolean") {
    throw invalid("Invalid type for 'stream': expected a boolean.", "stream", "invalid_type");
  }
  if (body.stream_options !== undefined && body.stream_options !== null && body.stream !== true) {
    throw invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options");
  }
  if (listOf(body.stop).length > 4) throw invalid("Invalid 'stop': array too long.", "stop", "array_above_max_length");
  checkFormat(body);
  checkContext(body, account);
}

function checkContext(body: JsonObject, account: Account): void {
  const tokens = promptTokens(body);
  if (account.context === undefined || tokens <= account.context) return;
  const message =
    `This model's maximum context length is ${account.context} tokens. However, your messages resulted in ${tokens} tokens. ` +
    "Please reduce the length of the messages.";
  throw invalid(message, "messages", "context_length_exceeded");
}

export function checkCompletion(body: JsonObject, account: Account): void {
  checkModel(body.model, account);
  if (body.prompt === undefined || body.prompt === "" || (Array.isArray(body.prompt) && body.prompt.length === 0)) {
    throw invalid("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter");
  }
}

export function checkEmbeddings(body: JsonObject, account: Account): void {
  checkModel(body.model, account);
  const inputs = inputsOf(body);
  if (inputs.length === 0 || inputs.includes("")) {
    throw invalid("'input' cannot be an empty string or an empty array.", "input");
  }
  if (inputs.length > 2048) throw invalid("'input' has more than 2048 members.", "input", "array_above_max_length");
}

export function checkImages(body: JsonObject): void {
  if (typeof body.prompt !== "string" || body.prompt === "") {
    throw invalid("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter");
  }
  checkRange(body, "n", 1, 10);
  if (body.stream === true && Number(body.n ?? 1) > 1) {
    throw invalid("Invalid 'n': streaming is only supported with n=1.", "n", "invalid_value");
  }
}

/** The images of a form. */
export function checkedFiles(form: JsonObject): FormFile[] {
  const files = (Array.isArray(form.image) ? form.image : [form.image]).filter(isObject) as FormFile[];
  if (files.length === 0) throw invalid("Missing required parameter: 'image'.", "image", "missing_required_parameter");
  const other = files.find(({ type }) => !["image/png", "image/jpeg", "image/webp"].includes(type));
  if (other !== undefined) {
    const message = `Invalid file 'image': unsupported mimetype ('${other.type}'). Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'.`;
    throw invalid(message, "image", "unsupported_file_mimetype");
  }
  return files;
}

function checkReasoningModel(model: string, body: JsonObject): void {
  if (!REASONING_MODEL.test(model)) return;
  if (body.max_tokens !== undefined) {
    const message =
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    throw invalid(message, "max_tokens", "unsupported_parameter");
  }
  if (body.temperature !== undefined && body.temperature !== 1 && body.reasoning_effort !== "none") {
    const message =
      "Unsupported value: 'temperature' does not support this value with this model. Only the default (1) value is supported.";
    throw invalid(message, "temperature", "unsupported_value");
  }
}

function checkMessage(message: unknown, index: number): void {
  const at = `messages[${index}]`;
  if (!isObject(message)) throw invalid(`Invalid type for '${at}': expected an object.`, at, "invalid_type");
  if (typeof message.role !== "string" || !ROLES.includes(message.role)) {
    const supported = ROLES.map((role) => `'${role}'`).join(", ");
    throw invalid(
      `Invalid value: '${message.role}'. Supported values are: ${supported}.`,
      `${at}.role`,
      "invalid_value",
    );
  }
  const content = message.content;
  const mayBeAbsent =
    message.role === "assistant" && (message.tool_calls !== undefined || message.refusal !== undefined);
  if (content === undefined || content === null) {
    if (mayBeAbsent) return;
    throw invalid(`Invalid value for 'content': expected a string, got null.`, `${at}.content`, null);
  }
  if (typeof content === "string") return;
  if (!Array.isArray(content)) {
    throw invalid(`Invalid type for '${at}.content': expected one of a string or array of objects.`, `${at}.content`);
  }
  for (const [partIndex, part] of content.entries()) checkPart(part, `${at}.content[${partIndex}]`);
}

function checkPart(part: unknown, at: string): void {
  if (!isObject(part) || typeof part.type !== "string" || !PARTS.has(part.type)) {
    throw invalid(`Invalid value for '${at}.type'.`, `${at}.type`, "invalid_value");
  }
  if (part.type === "text" && typeof part.text !== "string") {
    throw invalid(`Missing required parameter: '${at}.text'.`, `${at}.text`, "missing_required_parameter");
  }
  if (part.type !== "image_url") return;
  const url = isObject(part.image_url) ? part.image_url.url : null;
  if (typeof url !== "string") {
    throw invalid(`Invalid type for '${at}.image_url': expected an object.`, `${at}.image_url`, "invalid_type");
  }
  if (!/^(https?:\/\/|data:image\/(png|jpeg|gif|webp);base64,)/.test(url)) {
    throw invalid("Invalid image URL.", `${at}.image_url.url`, "invalid_image_url");
  }
}

/** Every tool call is answered right after its turn, and nothing is answered that was not called. */
function checkToolTurns(messages: JsonObject[]): void {
  let open = new Set<unknown>();
  messages.forEach((message, index) => {
    if (message.role === "tool") {
      if (!open.delete(message.tool_call_id)) {
        const text =
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
        throw invalid(text, `messages.[${index}].role`);
      }
      return;
    }
    refuseOpen(open, index);
    open = new Set(objectsOf(message.tool_calls).map((call) => call.id));
    for (const [callIndex, call] of objectsOf(message.tool_calls).entries())
      checkCall(call, `messages[${index}].tool_calls[${callIndex}]`);
  });
  refuseOpen(open, messages.length);
}

function refuseOpen(open: Set<unknown>, index: number): void {
  if (open.size === 0) return;
  const text =
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
    `The following tool_call_ids did not have response messages: ${[...open].join(", ")}`;
  throw invalid(text, `messages.[${index}].role`);
}

function checkCall(call: JsonObject, at: string): void {
  if (typeof call.id !== "string") throw invalid(`Missing required parameter: '${at}.id'.`, `${at}.id`);
  const called = call.function;
  if (call.type !== "function") throw invalid(`Missing required parameter: '${at}.type'.`, `${at}.type`);
  if (!isObject(called) || typeof called.name !== "string" || typeof called.arguments !== "string") {
    throw invalid(`Invalid type for '${at}.function.arguments': expected a string.`, `${at}.function`, "invalid_type");
  }
}

function checkTools(body: JsonObject): void {
  if (body.tools === undefined && body.tool_choice !== undefined) {
    throw invalid(
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
      "tool_choice",
    );
  }
  if (body.tools === undefined && body.parallel_tool_calls !== undefined) {
    const message =
      "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.";
    throw invalid(message, "parallel_tool_calls");
  }
  if (body.tools !== undefined && listOf(body.tools).length === 0) {
    throw invalid("Invalid 'tools': empty array. Expected an array with minimum length 1.", "tools", "empty_array");
  }
  listOf(body.tools).forEach((tool, index) => {
    const name = isObject(tool) && isObject(tool.function) ? tool.function.name : null;
    if (typeof name !== "string" || !/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
      throw invalid(`Invalid 'tools[${index}].function.name'.`, `tools[${index}].function.name`, "invalid_value");
    }
  });
}

function checkRange(body: JsonObject, name: string, low: number, high: number): void {
  const value = body[name];
  if (value === undefined || value === null) return;
  if (typeof value !== "number") throw invalid(`Invalid type for '${name}': expected a number.`, name, "invalid_type");
  if (value < low || value > high) {
    throw invalid(`Invalid '${name}': must be between ${low} and ${high}, got ${value}.`, name, "invalid_value");
  }
}

function checkFormat(body: JsonObject): void {
  const format = body.response_format;
  if (!isObject(format)) return;
  if (format.type === "json_object" && !/json/i.test(JSON.stringify(body.messages))) {
    const message =
      "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
    throw invalid(message, "messages");
  }
  if (format.type === "json_schema" && (!isObject(format.json_schema) || typeof format.json_schema.name !== "string")) {
    const message = "Missing required parameter: 'response_format.json_schema.name'.";
    throw invalid(message, "response_format.json_schema.name", "missing_required_parameter");
  }
}
