/**
 * Ali DashScope (Model Studio) in its own protocol.
 * @see https://help.aliyun.com/en/model-studio/qwen-api-via-dashscope
 */
import type { Answer, Dialect, DialectRequest, JsonObject, Whole } from "./answer.ts";
import { isObject, listOf, objectsOf, Refused } from "./answer.ts";
import { checkChat, checkKey, isMultimodal } from "./dashscope-check.ts";
import { embeddings } from "./dashscope-embeddings.ts";
import { codeOf, errorBody, HEADERS, invalid, nativeRefusal } from "./dashscope-error.ts";
import { createTask, isImageModel, showTask, synchronousImages } from "./dashscope-images.ts";
import { spokenBy } from "./dashscope-stream.ts";
import { choiceOf, describeUrl, formatOf, resultsOf, textOf, toolsOf } from "./openai-prompt.ts";
import { finishReason } from "./openai-shape.ts";
import { whole } from "./openai-wire.ts";
import { countWords, type Prompt, type Reply, reply, spokenTokens } from "./reply.ts";

const SERVICES = "/api/v1/services/";
const TEXT = `${SERVICES}aigc/text-generation/generation`;
const MULTIMODAL = `${SERVICES}aigc/multimodal-generation/generation`;
const EMBEDDINGS = `${SERVICES}embeddings/text-embedding/text-embedding`;
const PROMPT_TASKS = `${SERVICES}aigc/text2image/image-synthesis`;
const MESSAGE_TASKS = `${SERVICES}aigc/image-generation/generation`;
const TASK = /\/api\/v1\/tasks\/([^/]+)$/;

export const dashscope: Dialect = { serves, answer, refusal, errorEvent };

function serves(path: string): boolean {
  return (
    TASK.test(path) || [TEXT, MULTIMODAL, EMBEDDINGS, PROMPT_TASKS, MESSAGE_TASKS].some((end) => path.endsWith(end))
  );
}

function answer(request: DialectRequest): Answer {
  try {
    checkKey(request.headers, request.account);
    return native(request);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    const body = errorBody(String(problem.code), problem.message);
    return streams(request) ? refusedStream(problem.status, body) : whole(problem.status, body, HEADERS);
  }
}

function native(request: DialectRequest): Answer {
  const { path } = request;
  const task = TASK.exec(path)?.[1];
  if (task !== undefined) return whole(200, showTask(task, request), HEADERS);
  const body = request.body;
  if (body === null) throw nativeRefusal(405, "MethodNotAllowed", "Request method 'GET' not supported");
  checkModel(body, request);
  if (path.endsWith(EMBEDDINGS)) return embeddings(body, request);
  const ofMessages = path.endsWith(MESSAGE_TASKS);
  if (ofMessages || path.endsWith(PROMPT_TASKS)) return whole(200, createTask(body, ofMessages, request), HEADERS);
  const multimodal = path.endsWith(MULTIMODAL);
  if (multimodal !== (isMultimodal(String(body.model)) || isImageModel(body))) {
    throw invalid("url error, please check url！");
  }
  if (isImageModel(body)) {
    const { json, usage } = synchronousImages(body, request);
    return whole(200, json, HEADERS, usage);
  }
  checkChat(body, multimodal, streams(request), request.account);
  return chat(body, multimodal, request);
}

function checkModel({ model }: JsonObject, { account }: DialectRequest): void {
  if (typeof model !== "string" || model === "") throw invalid("Model not exist.");
  if (account.models !== undefined && !account.models.includes(model)) {
    throw nativeRefusal(404, "ModelNotFound", "Model can not be found.");
  }
}

function streams({ headers }: DialectRequest): boolean {
  return headers["x-dashscope-sse"] === "enable" || headers.accept === "text/event-stream";
}

function chat(body: JsonObject, multimodal: boolean, request: DialectRequest): Answer {
  const prompt = promptOf(body);
  const said = reply(prompt);
  const parameters = isObject(body.parameters) ? body.parameters : {};
  const count = typeof parameters.n === "number" ? parameters.n : 1;
  const spoken = {
    said,
    finish: finishReason(said, prompt),
    count,
    multimodal,
    usage: { ...usageOf(body, said, count, multimodal), ...request.usage },
    id: `req-${request.sequence}`,
    whole: parameters.result_format === "message" || multimodal,
  };
  return spokenBy(spoken, streams(request) ? { incremental: parameters.incremental_output === true } : null);
}

/** Content of the multimodal service: parts without types. */
function promptOf(body: JsonObject): Prompt {
  const input = isObject(body.input) ? body.input : {};
  const parameters = isObject(body.parameters) ? body.parameters : {};
  const messages = objectsOf(input.messages);
  const lastUser = messages.findLast((message) => message.role === "user");
  return {
    user: textOf(lastUser?.content),
    results: resultsOf(messages),
    images: objectsOf(lastUser?.content)
      .filter((part) => typeof part.image === "string")
      .map((part) => describeUrl(String(part.image))),
    tools: toolsOf(parameters.tools),
    choice: choiceOf(parameters.tool_choice),
    format: formatOf(parameters.response_format),
    stop: typeof parameters.stop === "string" ? [parameters.stop] : listOf(parameters.stop).map(String),
    limit: typeof parameters.max_tokens === "number" ? parameters.max_tokens : null,
    reasoning: parameters.enable_thinking === true,
  };
}

function usageOf(body: JsonObject, said: Reply, count: number, multimodal: boolean): JsonObject {
  const messages = isObject(body.input) ? objectsOf(body.input.messages) : [];
  const input = messages.reduce((sum, message) => sum + countWords(textOf(message.content)), 0);
  const reasoning = count * countWords(said.reasoning);
  const output = count * spokenTokens(said) + reasoning;
  return {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    ...(multimodal ? { image_tokens: 0, input_tokens_details: { text_tokens: input, image_tokens: 0 } } : {}),
    prompt_tokens_details: { cached_tokens: 0 },
    output_tokens_details: { text_tokens: output - reasoning, reasoning_tokens: reasoning },
  };
}

function refusal(status: number, message: string): Whole {
  const said = status === 401 ? "Invalid API-key provided." : message;
  return whole(status, errorBody(codeOf(status), said), HEADERS);
}

/** A stream that never starts is refused by an event, with the status in its head as well. */
function refusedStream(status: number, body: JsonObject): Answer {
  const headers = { ...HEADERS, "content-type": "text/event-stream;charset=UTF-8" };
  return { kind: "stream", status, headers, events: [errorText(1, status, body)], usage: null };
}

function errorEvent(status: number, message: string): string {
  return errorText(99, status, errorBody(codeOf(status), message));
}

function errorText(id: number, status: number, body: JsonObject): string {
  return `id:${id}\nevent:error\n:HTTP_STATUS/${status}\ndata:${JSON.stringify(body)}\n\n`;
}
