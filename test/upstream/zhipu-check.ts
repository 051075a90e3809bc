/** What Zhipu refuses before a model sees it, by business code. */
import { type Account, isObject, type JsonObject, listOf, objectsOf, Refused } from "./answer.ts";
import { promptTokens, textOf } from "./openai-prompt.ts";
import { inputsOf } from "./openai-shape.ts";

const ROLES = ["system", "user", "assistant", "tool"];
const MESSAGE_FIELDS = ["role", "content", "tool_calls", "tool_call_id", "reasoning_content"];
const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

function invalid(code: string, message: string, param: string | null = null): Refused {
  return new Refused(400, "", message, param, code);
}

/** 1214: the field is there and is wrong. */
function illegal(field: string): Refused {
  return invalid("1214", `${field} 参数非法。请检查文档。`, field);
}

export function checkModel({ model }: JsonObject, { models }: Account): void {
  if (typeof model !== "string" || model === "") throw invalid("1213", "未正常接收到model参数。", "model");
  if (models !== undefined && !models.includes(model)) throw invalid("1211", "模型不存在，请检查模型代码。", "model");
}

export function checkChat(body: JsonObject, { context }: Account): void {
  checkMessages(body.messages);
  checkOpenRange(body, "temperature");
  checkOpenRange(body, "top_p");
  checkTools(body);
  checkWords(body);
  if (context !== undefined && promptTokens(body) > context) throw invalid("1261", "Prompt 超长");
}

function checkMessages(messages: unknown): void {
  if (messages === undefined) throw invalid("1213", "未正常接收到messages参数。", "messages");
  if (!Array.isArray(messages) || messages.length === 0) throw illegal("messages");
  for (const message of messages) checkMessage(message);
  const turns = objectsOf(messages);
  if (!turns.some((message) => message.role === "user" || message.role === "tool")) throw illegal("messages");
  let open: unknown[] = [];
  for (const message of turns) {
    if (message.role === "tool") {
      if (!open.includes(message.tool_call_id)) throw illegal("messages");
      continue;
    }
    open = objectsOf(message.tool_calls).map((call) => call.id);
  }
}

function checkMessage(message: unknown): void {
  if (!isObject(message) || !ROLES.includes(String(message.role))) throw illegal("messages");
  if (Object.keys(message).some((name) => !MESSAGE_FIELDS.includes(name))) throw illegal("messages");
  const calls = objectsOf(message.tool_calls);
  for (const call of calls) {
    if (!isObject(call.function) || typeof call.function.arguments !== "string") throw illegal("messages");
  }
  if (calls.length === 0 && textOf(message.content) === "" && listOf(message.content).length === 0) {
    throw illegal("messages");
  }
  for (const part of objectsOf(message.content)) checkPart(part);
}

/** An image is an address or bare base64. */
function checkPart(part: JsonObject): void {
  if (part.type === "text") {
    if (typeof part.text !== "string") throw illegal("messages");
    return;
  }
  if (part.type !== "image_url" && part.type !== "video_url" && part.type !== "file_url") throw illegal("messages");
  if (part.type !== "image_url") return;
  const url = isObject(part.image_url) ? String(part.image_url.url) : "";
  if (!/^https?:\/\/|^[A-Za-z0-9+/]+={0,2}$/.test(url)) throw invalid("1210", "图片输入格式/解析错误", "messages");
}

/** Neither end belongs to the range. */
function checkOpenRange(body: JsonObject, name: string): void {
  const value = body[name];
  if (value === undefined) return;
  if (typeof value !== "number" || value <= 0 || value >= 1) throw illegal(name);
}

function checkTools(body: JsonObject): void {
  for (const tool of objectsOf(body.tools)) {
    if (tool.type !== "function") continue;
    const name = isObject(tool.function) ? tool.function.name : null;
    if (!/^[a-zA-Z0-9_-]{1,64}$/.test(String(name))) throw illegal("tools");
  }
  if (body.tool_choice !== undefined && body.tool_choice !== "auto") throw illegal("tool_choice");
}

function checkWords(body: JsonObject): void {
  if (body.stop !== undefined && (!Array.isArray(body.stop) || body.stop.length !== 1)) throw illegal("stop");
  if (body.response_format !== undefined) {
    const type = isObject(body.response_format) ? body.response_format.type : null;
    if (type !== "text" && type !== "json_object") throw illegal("response_format");
  }
  if (body.thinking !== undefined) {
    const type = isObject(body.thinking) ? body.thinking.type : null;
    if (type !== "enabled" && type !== "disabled") throw illegal("thinking");
  }
  if (body.reasoning_effort !== undefined && !EFFORTS.includes(String(body.reasoning_effort))) {
    throw illegal("reasoning_effort");
  }
  if (body.max_tokens !== undefined && !(Number.isInteger(body.max_tokens) && Number(body.max_tokens) > 0)) {
    throw illegal("max_tokens");
  }
  if (body.user_id !== undefined && !/^.{6,128}$/s.test(String(body.user_id))) throw illegal("user_id");
}

export function checkEmbeddings(body: JsonObject): void {
  const inputs = inputsOf(body);
  if (body.input === undefined) throw invalid("1213", "未正常接收到input参数。", "input");
  if (inputs.length === 0 || inputs.length > 64) throw illegal("input");
  if (inputs.some((input) => typeof input !== "string" || input === "")) throw illegal("input");
}

export function checkImages(body: JsonObject): void {
  if (typeof body.prompt !== "string" || body.prompt === "")
    throw invalid("1213", "未正常接收到prompt参数。", "prompt");
  if (body.size !== undefined && !/^\d+x\d+$/.test(String(body.size))) throw illegal("size");
}
