/**
 * Zhipu's GLM: OpenAI's shape without `object`, usage on the last chunk, business codes for errors.
 * @see https://docs.bigmodel.cn/cn/api/introduction
 */
import type { Answer, Dialect, DialectRequest, EventStream, JsonObject, Whole } from "./answer.ts";
import { isObject, Refused } from "./answer.ts";
import { promptOf, promptTokens } from "./openai-prompt.ts";
import { createdAt, embeddings, finishReason, toolCall } from "./openai-shape.ts";
import { DONE, event, onWire, whole } from "./openai-wire.ts";
import { countWords, pieces, type Reply, reply, spokenTokens } from "./reply.ts";
import { checkChat, checkEmbeddings, checkImages, checkModel } from "./zhipu-check.ts";
import { checkToken } from "./zhipu-token.ts";

const PATHS = /\/paas\/v4\/(chat\/completions|embeddings|images\/generations)$/;
const HEADERS = { "x-log-id": "log-fake", server: "nginx" };

/** The business code that stands for a status, and its words. */
const ERRORS: Record<number, [code: string, message: string]> = {
  400: ["1210", "API 调用参数有误，请检查文档。"],
  401: ["1002", "Authorization Token非法，请确认Authorization Token正确传递。"],
  403: ["1220", "您无权访问该API。"],
  404: ["1222", "该API不存在。"],
  429: ["1302", "您当前使用该API的并发数过高，请降低并发，或联系客服增加限额。"],
  500: ["500", "内部错误"],
};

export const zhipu: Dialect = { serves: (path) => PATHS.test(path), answer, refusal, errorEvent };

function answer(request: DialectRequest): Answer {
  try {
    checkToken(request.headers.authorization, request.account.keys, Date.now());
    const body = request.body;
    if (body === null) throw new Refused(400, "", "请求方法有误。", null, "1212");
    checkModel(body, request.account);
    if (request.path.endsWith("/embeddings")) return embeddingsOf(body, request);
    if (request.path.endsWith("/images/generations")) return imageOf(body, request);
    checkChat(body, request.account);
    return chat(body, request);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    return whole(problem.status, errorBody(String(problem.code), problem.message), HEADERS);
  }
}

function errorBody(code: string, message: string): JsonObject {
  return { error: { code, message } };
}

/** The code stands for the status; the fake's own message is put behind the vendor's. */
function refusal(status: number, message: string): Whole {
  const [code, own] = ERRORS[status] ?? ["1234", "网络错误，请稍后重试。"];
  return whole(status, errorBody(code, `${own} ${message}`), HEADERS);
}

function errorEvent(status: number, message: string): string {
  return event(refusal(status, message).json);
}

function chat(body: JsonObject, request: DialectRequest): Answer {
  const prompt = { ...promptOf(body), reasoning: thinks(body) };
  const said = reply(prompt);
  const usage = { ...usageOf(body, said), ...request.usage };
  const head = {
    id: `20261123${request.sequence}`,
    request_id: `req-${request.sequence}`,
    created: createdAt(request),
    model: body.model,
  };
  const finish = finishReason(said, prompt);
  if (body.stream === true) return stream(head, said, finish, usage, body);
  const message = { role: "assistant", ...messageOf(said) };
  const choices = [{ index: 0, finish_reason: finish, message }];
  return whole(200, { ...head, choices, usage }, HEADERS, usage);
}

/** GLM-5.3 always does. */
function thinks(body: JsonObject): boolean {
  const thinking = isObject(body.thinking) ? body.thinking.type : null;
  return thinking === "enabled" || String(body.model).startsWith("glm-5.3");
}

function messageOf(said: Reply): JsonObject {
  const reasoning = said.reasoning === "" ? {} : { reasoning_content: said.reasoning };
  return said.calls.length === 0
    ? { content: said.text, ...reasoning }
    : { content: "", ...reasoning, tool_calls: callsOf(said) };
}

function callsOf(said: Reply): JsonObject[] {
  return said.calls.map((call, index) => ({ ...toolCall(call, index), index }));
}

/** Every delta says the role; calls come whole unless `tool_stream` is on; usage is on the chunk that ends the choice. */
function stream(head: JsonObject, said: Reply, finish: string, usage: JsonObject, body: JsonObject): EventStream {
  const chunk = (delta: JsonObject, ending: JsonObject = {}, told: JsonObject = {}): string =>
    event({ ...head, choices: [{ index: 0, ...ending, delta: { role: "assistant", ...delta } }], ...told });
  const calls = said.calls.length === 0 ? [] : callDeltas(said, body.tool_stream === true);
  const events = [
    ...pieces(said.reasoning).map((piece) => chunk({ reasoning_content: piece })),
    ...pieces(said.text).map((piece) => chunk({ content: piece })),
    ...calls.map((tool_calls) => chunk({ tool_calls })),
    chunk({ content: "" }, { finish_reason: finish }, { usage }),
    DONE,
  ];
  const headers = { ...HEADERS, "content-type": "text/event-stream;charset=UTF-8" };
  return { kind: "stream", headers, events, usage };
}

function callDeltas(said: Reply, streamed: boolean): JsonObject[][] {
  const whole = callsOf(said);
  if (!streamed) return [whole];
  return said.calls.flatMap((call, index) => [
    [{ ...toolCall({ name: call.name, arguments: "" }, index), index }],
    ...pieces(call.arguments).map((piece) => [{ index, function: { arguments: piece } }]),
  ]);
}

function usageOf(body: JsonObject, said: Reply): JsonObject {
  const reasoning = countWords(said.reasoning);
  const prompt = promptTokens(body);
  const completion = spokenTokens(said) + reasoning;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}

/** Vectors are lists of numbers, whatever encoding is asked for. */
function embeddingsOf(body: JsonObject, request: DialectRequest): Answer {
  checkEmbeddings(body);
  const spoken = embeddings({ ...body, encoding_format: "float" }, request);
  const usage = { ...spoken.usage, completion_tokens: 0 };
  if (spoken.kind === "whole") return onWire({ ...spoken, json: { ...spoken.json, usage }, usage }, HEADERS);
  return onWire(spoken, HEADERS);
}

/** One image a call, by its address. */
function imageOf(body: JsonObject, request: DialectRequest): Answer {
  checkImages(body);
  const url = `https://aigc-files.bigmodel.example/${request.sequence}.png`;
  const json = { created: createdAt(request), data: [{ url }], content_filter: [{ role: "user", level: 3 }] };
  return whole(200, json, HEADERS);
}
