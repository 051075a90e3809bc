/**
 * Answers in OpenAI's shape as JSON, before a dialect puts them on the wire: those who took the shape over change a member
 * here and there.
 */
import type { DialectRequest, JsonObject } from "./answer.ts";
import { listOf } from "./answer.ts";
import { asksForUsage, promptOf, promptTokens } from "./openai-prompt.ts";
import { countWords, type Prompt, pieces, type Reply, reply, spokenTokens } from "./reply.ts";

/** `usage` is what is told, null when the client did not ask for it. */
export type Spoken =
  | { kind: "whole"; json: JsonObject; usage: JsonObject | null }
  | { kind: "chunks"; chunks: JsonObject[]; usage: JsonObject | null }
  /** Events that are named by their `type`, and end without `[DONE]`. */
  | { kind: "named"; events: JsonObject[]; usage: JsonObject | null };

/** What the dialects name differently. */
export interface Words {
  /** The member that holds what a model thought. */
  reasoning: string;
  /** Members at the head of every answer and chunk of a chat. */
  head: JsonObject;
}

export function chat(body: JsonObject, request: DialectRequest, words: Words): Spoken {
  const prompt = promptOf(body);
  const said = reply(prompt);
  const count = typeof body.n === "number" ? body.n : 1;
  const usage = { ...chatUsage(promptTokens(body), said, count), ...request.usage };
  const head = {
    id: `chatcmpl-${request.sequence}`,
    created: createdAt(request),
    model: body.model,
    ...words.head,
  };
  if (body.stream === true) return chatChunks(head, said, count, usage, body, words);
  const choices = Array.from({ length: count }, (_, index) => ({
    index,
    message: { role: "assistant", ...message(said, words) },
    logprobs: body.logprobs === true ? { content: pieces(said.text).map(logprob), refusal: null } : null,
    finish_reason: finishReason(said, prompt),
  }));
  return { kind: "whole", json: { ...head, object: "chat.completion", choices, usage }, usage };
}

export function createdAt(request: DialectRequest): number {
  return 1790000000 + request.sequence;
}

function message(said: Reply, words: Words): JsonObject {
  const text = said.calls.length > 0 ? null : said.text;
  const calls = said.calls.length > 0 ? { tool_calls: said.calls.map(toolCall) } : {};
  const reasoning = said.reasoning === "" ? {} : { [words.reasoning]: said.reasoning };
  return { content: text, ...reasoning, refusal: null, ...calls };
}

export function toolCall(call: Reply["calls"][number], index: number): JsonObject {
  return { id: `call_${index + 1}`, type: "function", function: { name: call.name, arguments: call.arguments } };
}

function logprob(token: string): JsonObject {
  return { token, logprob: -0.25, bytes: [...Buffer.from(token)], top_logprobs: [] };
}

/** A named tool choice ends with `stop`, a required one with `tool_calls` (vllm-project/vllm#25054). */
export function finishReason(said: Reply, prompt: Prompt): string {
  if (said.finish === "tool_calls" && typeof prompt.choice === "object") return "stop";
  return said.finish === "stop_sequence" ? "stop" : said.finish;
}

function chatChunks(
  head: JsonObject,
  said: Reply,
  count: number,
  usage: JsonObject,
  body: JsonObject,
  words: Words,
): Spoken {
  const asked = asksForUsage(body);
  const every = (delta: JsonObject, finish: string | null = null): JsonObject[] =>
    Array.from({ length: count }, (_, index) => ({
      ...head,
      object: "chat.completion.chunk",
      choices: [{ index, delta, logprobs: null, finish_reason: finish }],
      ...(asked ? { usage: null } : {}),
    }));
  const chunks = every({ role: "assistant", content: said.calls.length > 0 ? null : "", refusal: null });
  for (const delta of deltas(said, words)) chunks.push(...every(delta));
  chunks.push(...every({}, finishReason(said, promptOf(body))));
  if (asked) chunks.push({ ...head, object: "chat.completion.chunk", choices: [], usage });
  return { kind: "chunks", chunks, usage: asked ? usage : null };
}

/** What a stream says between its first delta and its end: one word an event. */
function deltas(said: Reply, words: Words): JsonObject[] {
  const calls = said.calls.flatMap((call, index) => [
    { tool_calls: [{ index, ...toolCall({ name: call.name, arguments: "" }, index) }] },
    ...pieces(call.arguments).map((piece) => ({ tool_calls: [{ index, function: { arguments: piece } }] })),
  ]);
  return [
    ...pieces(said.reasoning).map((piece) => ({ [words.reasoning]: piece })),
    ...pieces(said.text).map((content) => ({ content })),
    ...calls,
  ];
}

function chatUsage(prompt: number, said: Reply, count: number): JsonObject {
  const reasoning = countWords(said.reasoning);
  const completion = count * (spokenTokens(said) + reasoning);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0, cache_write_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: count * reasoning, audio_tokens: 0 },
  };
}

/** Legacy completions: the prompt is said again. */
export function completions(body: JsonObject, request: DialectRequest): Spoken {
  const prompt = typeof body.prompt === "string" ? body.prompt : listOf(body.prompt).join(" ");
  const counts = { prompt_tokens: countWords(prompt), completion_tokens: countWords(prompt) };
  const usage = { ...counts, total_tokens: counts.prompt_tokens * 2, ...request.usage };
  const head = {
    id: `cmpl-${request.sequence}`,
    object: "text_completion",
    created: createdAt(request),
    model: body.model,
  };
  const choice = (text: string, finish: string | null): JsonObject => ({
    ...head,
    choices: [{ index: 0, text, logprobs: null, finish_reason: finish }],
  });
  if (body.stream !== true) return { kind: "whole", json: { ...choice(prompt, "stop"), usage }, usage };
  const asked = asksForUsage(body);
  const chunks = [...pieces(prompt).map((piece) => choice(piece, null)), choice("", "stop")];
  if (asked) chunks.push({ ...head, choices: [], usage });
  return { kind: "chunks", chunks, usage: asked ? usage : null };
}

export function inputsOf(body: JsonObject): unknown[] {
  return typeof body.input === "string" ? [body.input] : listOf(body.input);
}

/** The fake vector of an input: its length in the first place, zeros after it. */
export function vectorOf(input: unknown, dimensions: unknown): Float32Array {
  const vector = new Float32Array(typeof dimensions === "number" ? dimensions : 8);
  vector[0] = typeof input === "string" ? input.length : listOf(input).length;
  return vector;
}

export function embeddings(body: JsonObject, request: DialectRequest): Spoken {
  const data = inputsOf(body).map((input, index) => {
    const vector = vectorOf(input, body.dimensions);
    const base64 = Buffer.from(vector.buffer).toString("base64");
    return { object: "embedding", index, embedding: body.encoding_format === "base64" ? base64 : [...vector] };
  });
  const tokens = inputsOf(body).reduce<number>((sum, input) => sum + countWords(String(input)), 0);
  const usage = { prompt_tokens: tokens, total_tokens: tokens, ...request.usage };
  return { kind: "whole", json: { object: "list", data, model: body.model, usage }, usage };
}

export function images(body: JsonObject, request: DialectRequest): Spoken {
  const count = typeof body.n === "number" ? body.n : 1;
  const data = Array.from({ length: count }, () => ({
    b64_json: Buffer.from(`${body.model}: ${body.prompt}`).toString("base64"),
  }));
  const input = countWords(String(body.prompt));
  const usage = {
    input_tokens: input,
    output_tokens: 100 * count,
    total_tokens: input + 100 * count,
    ...request.usage,
  };
  if (String(body.stream) === "true") return drawn(data[0]?.b64_json ?? "", body, usage, request);
  return { kind: "whole", json: { created: createdAt(request), data, usage }, usage };
}

/** A stream of one image: as many drafts as asked for, then the image itself. */
function drawn(b64_json: string, body: JsonObject, usage: JsonObject, request: DialectRequest): Spoken {
  const kind = request.path.endsWith("/edits") ? "image_edit" : "image_generation";
  const head = { b64_json, created_at: createdAt(request), output_format: "png", size: "1024x1024" };
  const drafts = Array.from({ length: Number(body.partial_images ?? 0) }, (_, partial_image_index) => ({
    type: `${kind}.partial_image`,
    ...head,
    partial_image_index,
  }));
  return { kind: "named", events: [...drafts, { type: `${kind}.completed`, ...head, usage }], usage };
}

export function models(request: DialectRequest): Spoken {
  const names = request.account.models ?? ["fake-model"];
  const data = names.map((id) => ({ id, object: "model", created: 1790000000, owned_by: "fake" }));
  return { kind: "whole", json: { object: "list", data }, usage: null };
}
