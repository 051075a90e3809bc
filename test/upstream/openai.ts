/** The OpenAI dialect, also as Azure and local servers speak it: chat, completions, embeddings, images, models. */
import type { Answer, Dialect, DialectRequest, EventStream, JsonObject, Whole } from "./answer.ts";
import { isObject, listOf, objectsOf, Refused } from "./answer.ts";
import { checkChat, checkKey, checkModel, invalid } from "./openai-check.ts";
import { countWords, describeImage, type Prompt, pieces, type Reply, reply } from "./reply.ts";

/** What the vendor's edge adds to every answer. A gateway must not hand these on as its own. */
const VENDOR_HEADERS = {
  "openai-organization": "org-fake",
  "openai-version": "2020-10-01",
  "openai-processing-ms": "7",
  "x-ratelimit-limit-requests": "10000",
  "x-ratelimit-remaining-requests": "9999",
  "x-ratelimit-reset-requests": "6ms",
  "set-cookie": "__cf_bm=fake; path=/; HttpOnly",
  server: "cloudflare",
};

export const openai: Dialect = { answer, refusal, errorEvent };

function answer(request: DialectRequest): Answer {
  try {
    checkKey(request.headers, request.account);
    if (request.path.endsWith("/models")) return models(request);
    const body = request.body;
    if (body === null) throw new Refused(405, "invalid_request_error", "Not allowed.", null, "method_not_supported");
    if (request.path.endsWith("/chat/completions")) return chat(withDeployment(request, body), request);
    if (request.path.endsWith("/completions")) return completions(withDeployment(request, body), request);
    if (request.path.endsWith("/embeddings")) return embeddings(withDeployment(request, body), request);
    return images(withDeployment(request, body), request);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    return whole(problem.status, errorBody(problem.message, problem.type, problem.param, problem.code), null);
  }
}

/** Azure's dated routes name the deployment in the path and want `api-version`; the body's model is not looked at. */
function withDeployment(request: DialectRequest, body: JsonObject): JsonObject {
  const deployment = /\/openai\/deployments\/([^/]+)\//.exec(request.path)?.[1];
  if (deployment === undefined) return body;
  if (!request.query.has("api-version"))
    throw new Refused(404, "invalid_request_error", "Resource not found", null, "404");
  return { ...body, model: decodeURIComponent(deployment) };
}

function refusal(status: number, message: string): Whole {
  const type = status >= 500 ? "server_error" : status === 429 ? "requests" : "invalid_request_error";
  const code = status === 429 ? "rate_limit_exceeded" : status === 401 ? "invalid_api_key" : null;
  return whole(status, errorBody(message, type, null, code), null);
}

function errorEvent(status: number, message: string): string {
  return event(refusal(status, message).json);
}

function errorBody(message: string, type: string, param: string | null, code: string | null): JsonObject {
  return { error: { message, type, param, code } };
}

function whole(status: number, json: unknown, usage: JsonObject | null): Whole {
  return { kind: "whole", status, headers: { ...VENDOR_HEADERS }, json, usage };
}

function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function chat(body: JsonObject, request: DialectRequest): Answer {
  checkChat(body, request.account);
  const prompt = promptOf(body);
  const said = reply(prompt);
  const count = typeof body.n === "number" ? body.n : 1;
  const usage = { ...chatUsage(body, said, count), ...request.usage };
  const head = {
    id: `chatcmpl-${request.sequence}`,
    created: 1790000000 + request.sequence,
    model: body.model,
    service_tier: "default",
    system_fingerprint: "fp_fake",
  };
  if (body.stream === true) return chatStream(head, said, count, usage, body);
  const choices = Array.from({ length: count }, (_, index) => ({
    index,
    message: { role: "assistant", ...message(said), annotations: [] },
    logprobs: body.logprobs === true ? { content: pieces(said.text).map(logprob), refusal: null } : null,
    finish_reason: finishReason(said, prompt),
  }));
  return whole(200, { ...head, object: "chat.completion", choices, usage }, usage);
}

function message(said: Reply): JsonObject {
  const text = said.calls.length > 0 ? null : said.text;
  const calls = said.calls.length > 0 ? { tool_calls: said.calls.map(toolCall) } : {};
  const reasoning = said.reasoning === "" ? {} : { reasoning_content: said.reasoning };
  return { content: text, ...reasoning, refusal: null, ...calls };
}

function toolCall(call: Reply["calls"][number], index: number): JsonObject {
  return { id: `call_${index + 1}`, type: "function", function: { name: call.name, arguments: call.arguments } };
}

function logprob(token: string): JsonObject {
  return { token, logprob: -0.25, bytes: [...Buffer.from(token)], top_logprobs: [] };
}

/** A named tool choice ends with `stop`, a required one with `tool_calls` (vllm-project/vllm#25054). */
function finishReason(said: Reply, prompt: Prompt): string {
  if (said.finish === "tool_calls" && typeof prompt.choice === "object") return "stop";
  return said.finish === "stop_sequence" ? "stop" : said.finish;
}

function chatStream(head: JsonObject, said: Reply, count: number, usage: JsonObject, body: JsonObject): EventStream {
  const includeUsage = isObject(body.stream_options) && body.stream_options.include_usage === true;
  const chunk = (index: number, delta: JsonObject, finish: string | null = null): string =>
    event({
      ...head,
      object: "chat.completion.chunk",
      choices: [{ index, delta, logprobs: null, finish_reason: finish }],
      ...(includeUsage ? { usage: null } : {}),
    });
  const every = (delta: JsonObject, finish: string | null = null): string[] =>
    Array.from({ length: count }, (_, index) => chunk(index, delta, finish));
  const events = every({ role: "assistant", content: said.calls.length > 0 ? null : "", refusal: null });
  for (const piece of pieces(said.reasoning)) events.push(...every({ reasoning_content: piece }));
  for (const piece of pieces(said.text)) events.push(...every({ content: piece }));
  said.calls.forEach((call, index) => {
    const opening = { index, ...toolCall({ name: call.name, arguments: "" }, index) };
    events.push(...every({ tool_calls: [opening] }));
    for (const piece of pieces(call.arguments)) {
      events.push(...every({ tool_calls: [{ index, function: { arguments: piece } }] }));
    }
  });
  events.push(...every({}, finishReason(said, promptOf(body))));
  if (includeUsage) events.push(event({ ...head, object: "chat.completion.chunk", choices: [], usage }));
  events.push("data: [DONE]\n\n");
  return {
    kind: "stream",
    headers: { ...VENDOR_HEADERS, "content-type": "text/event-stream; charset=utf-8" },
    events,
    usage: includeUsage ? usage : null,
  };
}

function chatUsage(body: JsonObject, said: Reply, count: number): JsonObject {
  const words = objectsOf(body.messages).map((entry) => countWords(textOf(entry.content)));
  const prompt = words.reduce((sum, next) => sum + next, 0);
  const reasoning = countWords(said.reasoning);
  const spoken = countWords(said.text) + said.calls.reduce((sum, call) => sum + 1 + countWords(call.arguments), 0);
  const completion = count * (spoken + reasoning);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0, cache_write_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: count * reasoning, audio_tokens: 0 },
  };
}

function promptOf(body: JsonObject): Prompt {
  const messages = objectsOf(body.messages);
  const lastUser = messages.findLast((entry) => entry.role === "user");
  const results: string[] = [];
  for (let at = messages.length - 1; at >= 0 && messages[at]?.role === "tool"; at--) {
    results.unshift(textOf(messages[at]?.content));
  }
  const limit = body.max_completion_tokens ?? body.max_tokens;
  return {
    user: textOf(lastUser?.content),
    results,
    images: objectsOf(lastUser?.content)
      .filter((part) => part.type === "image_url")
      .map(imageOf),
    tools: objectsOf(body.tools).flatMap((tool) =>
      isObject(tool.function) ? [{ name: String(tool.function.name), schema: tool.function.parameters }] : [],
    ),
    choice: choiceOf(body.tool_choice),
    format: formatOf(body.response_format),
    stop: typeof body.stop === "string" ? [body.stop] : listOf(body.stop).map(String),
    limit: typeof limit === "number" ? limit : null,
    reasoning: typeof body.reasoning_effort === "string" && body.reasoning_effort !== "none",
  };
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return objectsOf(content)
    .filter((part) => part.type === "text")
    .map((part) => String(part.text))
    .join("\n");
}

function imageOf(part: JsonObject): string {
  const url = isObject(part.image_url) ? String(part.image_url.url) : "";
  const data = /^data:([^;]+);base64,(.*)$/s.exec(url);
  return data === null ? `image ${url}` : describeImage(data[1] ?? "", data[2] ?? "");
}

function choiceOf(choice: unknown): Prompt["choice"] {
  if (choice === "none" || choice === "required") return choice;
  if (isObject(choice) && isObject(choice.function)) return { name: String(choice.function.name) };
  return "auto";
}

function formatOf(format: unknown): Prompt["format"] {
  if (!isObject(format)) return null;
  if (format.type === "json_object") return "json";
  if (format.type !== "json_schema" || !isObject(format.json_schema)) return null;
  return isObject(format.json_schema.schema) ? format.json_schema.schema : "json";
}

function completions(body: JsonObject, request: DialectRequest): Answer {
  checkModel(body.model, request.account);
  const prompt = typeof body.prompt === "string" ? body.prompt : listOf(body.prompt).join(" ");
  if (prompt === "") throw invalid("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter");
  const counts = { prompt_tokens: countWords(prompt), completion_tokens: countWords(prompt) };
  const usage = { ...counts, total_tokens: counts.prompt_tokens * 2, ...request.usage };
  const head = {
    id: `cmpl-${request.sequence}`,
    object: "text_completion",
    created: 1790000000 + request.sequence,
    model: body.model,
  };
  const choice = (text: string, finish: string | null): JsonObject => ({
    ...head,
    choices: [{ index: 0, text, logprobs: null, finish_reason: finish }],
  });
  if (body.stream !== true) return whole(200, { ...choice(prompt, "stop"), usage }, usage);
  const includeUsage = isObject(body.stream_options) && body.stream_options.include_usage === true;
  const events = [...pieces(prompt).map((piece) => event(choice(piece, null))), event(choice("", "stop"))];
  if (includeUsage) events.push(event({ ...head, choices: [], usage }));
  events.push("data: [DONE]\n\n");
  const headers = { ...VENDOR_HEADERS, "content-type": "text/event-stream; charset=utf-8" };
  return { kind: "stream", headers, events, usage: includeUsage ? usage : null };
}

/** Vectors are a function of the text: its length in the first place, zeros after it. */
function embeddings(body: JsonObject, request: DialectRequest): Whole {
  checkModel(body.model, request.account);
  const inputs = typeof body.input === "string" ? [body.input] : listOf(body.input);
  if (inputs.length === 0 || inputs.includes("")) {
    throw invalid("'input' cannot be an empty string or an empty array.", "input");
  }
  const dimensions = typeof body.dimensions === "number" ? body.dimensions : 8;
  const data = inputs.map((input, index) => {
    const vector = new Float32Array(dimensions);
    vector[0] = typeof input === "string" ? input.length : listOf(input).length;
    const base64 = Buffer.from(vector.buffer).toString("base64");
    return { object: "embedding", index, embedding: body.encoding_format === "base64" ? base64 : [...vector] };
  });
  const tokens = inputs.reduce<number>((sum, input) => sum + countWords(String(input)), 0);
  const usage = { prompt_tokens: tokens, total_tokens: tokens, ...request.usage };
  return whole(200, { object: "list", data, model: body.model, usage }, usage);
}

function images(body: JsonObject, request: DialectRequest): Whole {
  const model = body.model === undefined ? "gpt-image-1" : checkModel(body.model, request.account);
  if (typeof body.prompt !== "string" || body.prompt === "") {
    throw invalid("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter");
  }
  const count = typeof body.n === "number" ? body.n : 1;
  if (count < 1 || count > 10) throw invalid("Invalid 'n': must be between 1 and 10.", "n", "invalid_value");
  const data = Array.from({ length: count }, () => ({
    b64_json: Buffer.from(`${model}: ${body.prompt}`).toString("base64"),
  }));
  const input = countWords(body.prompt);
  const usage = {
    input_tokens: input,
    output_tokens: 100 * count,
    total_tokens: input + 100 * count,
    ...request.usage,
  };
  return whole(200, { created: 1790000000 + request.sequence, data, usage }, usage);
}

function models(request: DialectRequest): Whole {
  const names = request.account.models ?? ["fake-model"];
  const data = names.map((id) => ({ id, object: "model", created: 1790000000, owned_by: "fake" }));
  return whole(200, { object: "list", data }, null);
}
