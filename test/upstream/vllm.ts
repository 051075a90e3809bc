/**
 * vLLM's OpenAI-compatible server: unknown fields are ignored, error codes are numbers, an error inside a stream is followed
 * by `[DONE]`.
 * @see https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
 */
import type { Account, Answer, Dialect, DialectRequest, JsonObject, Whole } from "./answer.ts";
import { isObject, listOf, objectsOf, Refused } from "./answer.ts";
import { isFinal, reworded, withChoices, without, withSaid } from "./openai-family.ts";
import { asksForUsage, promptTokens } from "./openai-prompt.ts";
import { chat, completions, embeddings, models, type Spoken, type Words } from "./openai-shape.ts";
import { DONE, endsWithAny, event, onWire, whole } from "./openai-wire.ts";

const PATHS = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/models"];
const HEADERS = { server: "uvicorn" };
const WORDS: Words = { reasoning: "reasoning", head: {} };

const TYPES: Record<number, string> = { 400: "BadRequestError", 401: "Unauthorized", 404: "NotFoundError" };

export const vllm: Dialect = { serves: (path) => endsWithAny(path, PATHS), answer, refusal, errorEvent };

function answer(request: DialectRequest): Answer {
  try {
    checkKey(request);
    return onWire(speak(request), HEADERS);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    return whole(problem.status, errorBody(problem.status, problem.message, problem.param), HEADERS);
  }
}

/** Without `--api-key` none is asked for. The refusal's `error` is a string. */
function checkKey({ headers, account }: DialectRequest): void {
  const key = headers.authorization?.replace(/^Bearer /, "") ?? "";
  if (account.keys !== undefined && !account.keys.includes(key)) throw new Refused(401, "Unauthorized", "Unauthorized");
}

function errorBody(status: number, message: string, param: string | null): JsonObject {
  if (status === 401) return { error: "Unauthorized" };
  return { error: { message, type: TYPES[status] ?? "InternalServerError", param, code: status } };
}

function invalid(message: string, param: string | null = null): Refused {
  return new Refused(400, "BadRequestError", message, param);
}

function speak(request: DialectRequest): Spoken {
  if (request.path.endsWith("/models")) return models(request);
  const body = request.body;
  if (body === null) throw new Refused(405, "BadRequestError", "Method Not Allowed");
  checkModel(body, request.account);
  if (request.path.endsWith("/embeddings")) {
    if (body.input === undefined) throw missing("input");
    return embeddings(body, request);
  }
  checkSampling(body);
  if (request.path.endsWith("/chat/completions")) {
    checkChat(body, request.account);
    return counted(inOwnWords(chat(body, request, WORDS)), body);
  }
  if (body.prompt === undefined) throw missing("prompt");
  return counted(inOwnWords(completions(body, request)), body);
}

function checkModel(body: JsonObject, { models: served }: Account): void {
  if (served === undefined || body.model === undefined || served.includes(String(body.model))) return;
  throw new Refused(404, "NotFoundError", `The model \`${body.model}\` does not exist.`, "model");
}

/** What the schema of the request refuses, told as its validator tells it. */
function missing(name: string): Refused {
  return invalid(`[{'type': 'missing', 'loc': ('body', '${name}'), 'msg': 'Field required'}]`, name);
}

function checkSampling(body: JsonObject): void {
  const { temperature, top_p, n, max_tokens, max_completion_tokens, stream, stream_options } = body;
  if (typeof temperature === "number" && temperature < 0) {
    throw invalid(`temperature must be non-negative, got ${temperature}.`, "temperature");
  }
  if (typeof top_p === "number" && (top_p <= 0 || top_p > 1)) {
    throw invalid(`top_p must be in (0, 1], got ${top_p}.`, "top_p");
  }
  if (typeof n === "number" && n < 1) throw invalid(`n must be at least 1, got ${n}.`, "n");
  const most = max_completion_tokens ?? max_tokens;
  if (typeof most === "number" && most < 1) throw invalid(`max_tokens must be at least 1, got ${most}.`, "max_tokens");
  if (isObject(stream_options) && stream !== true) {
    throw invalid("Stream options can only be defined when `stream=True`.", "stream_options");
  }
}

function checkChat(body: JsonObject, account: Account): void {
  if (!Array.isArray(body.messages)) throw missing("messages");
  for (const [index, message] of body.messages.entries()) checkMessage(message, index);
  if (body.tools === undefined && body.tool_choice !== undefined && body.tool_choice !== "none") {
    throw invalid("When using `tool_choice`, `tools` must be set.", "tool_choice");
  }
  const tokens = promptTokens(body);
  if (account.context !== undefined && tokens > account.context) {
    const message =
      `This model's maximum context length is ${account.context} tokens. However, your request has ${tokens} input tokens. ` +
      "Please reduce the length of the input messages.";
    throw invalid(message, "input_tokens");
  }
}

function checkMessage(message: unknown, index: number): void {
  if (!isObject(message) || typeof message.role !== "string") throw missing(`messages', ${index}, 'role`);
  for (const part of objectsOf(message.content)) {
    if (part.type !== "image_url") continue;
    const url = isObject(part.image_url) ? String(part.image_url.url) : "";
    if (!/^(https?:\/\/|data:image\/\w+;base64,)/.test(url)) {
      throw invalid("The URL must be either a HTTP, data or file URL.", null);
    }
  }
  for (const call of objectsOf(message.tool_calls)) {
    if (!isObject(call.function) || typeof call.function.arguments !== "string") {
      throw missing(`messages', ${index}, 'tool_calls`);
    }
  }
}

function inOwnWords(spoken: Spoken): Spoken {
  return reworded(spoken, (json) =>
    withChoices(json, (choice) => {
      const said = withSaid(choice, (delta) => without(delta, "refusal"));
      return isFinal(said) ? { ...said, stop_reason: null } : said;
    }),
  );
}

/** Usage has no details; with `continuous_usage_stats` every chunk tells what has been used so far. */
function counted(spoken: Spoken, body: JsonObject): Spoken {
  if (spoken.usage === null || spoken.kind === "named") return spoken;
  const { prompt_tokens, completion_tokens, total_tokens } = spoken.usage;
  const usage = { prompt_tokens, total_tokens, completion_tokens, prompt_tokens_details: null };
  if (spoken.kind === "whole") return { ...spoken, json: { ...spoken.json, usage }, usage };
  const options = isObject(body.stream_options) ? body.stream_options : {};
  const continuous = asksForUsage(body) && options.continuous_usage_stats === true;
  const chunks = spoken.chunks.map((chunk, index) => {
    if (listOf(chunk.choices).length === 0) return { ...chunk, usage };
    if (!continuous) return without(chunk, "usage");
    const soFar = Math.min(index, Number(completion_tokens));
    return {
      ...chunk,
      usage: { prompt_tokens, total_tokens: Number(prompt_tokens) + soFar, completion_tokens: soFar },
    };
  });
  return { ...spoken, chunks, usage };
}

function refusal(status: number, message: string): Whole {
  return whole(status, errorBody(status, message, null), HEADERS);
}

function errorEvent(status: number, message: string): string {
  return event(errorBody(status, message, null)) + DONE;
}
