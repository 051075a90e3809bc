/** The Anthropic Messages dialect. */
import type { Answer, Dialect, DialectRequest, EventStream, JsonObject, Whole } from "./answer.ts";
import { isObject, listOf, objectsOf, Refused } from "./answer.ts";
import { checkContext, checkHeaders, checkMessages } from "./anthropic-check.ts";
import { countWords, describeImage, type Prompt, pieces, type Reply, reply, spokenTokens } from "./reply.ts";

const VENDOR_HEADERS = {
  "anthropic-organization-id": "org-fake",
  "anthropic-ratelimit-requests-limit": "4000",
  "anthropic-ratelimit-requests-remaining": "3999",
  "anthropic-ratelimit-requests-reset": "2026-11-23T00:00:00Z",
  "set-cookie": "__cf_bm=fake; path=/; HttpOnly",
  server: "cloudflare",
};

const ERROR_TYPES: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  504: "timeout_error",
  529: "overloaded_error",
};

const STOP_REASONS = { stop: "end_turn", stop_sequence: "stop_sequence", length: "max_tokens", tool_calls: "tool_use" };

export const anthropic: Dialect = {
  serves: (path) => path.endsWith("/messages"),
  largest: 32 * 1024 * 1024,
  answer,
  refusal,
  errorEvent,
};

function answer(request: DialectRequest): Answer {
  try {
    checkHeaders(request.headers, request.account);
    const body = request.body;
    if (body === null) throw new Refused(405, "invalid_request_error", "Method Not Allowed");
    checkMessages(body, request.headers["anthropic-version"] ?? "", request.account);
    checkContext(promptTokens(body), request.account);
    return messages(body, request);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    return whole(problem.status, errorBody(problem.type, problem.message), request.sequence, null);
  }
}

function refusal(status: number, message: string): Whole {
  return whole(status, errorBody(ERROR_TYPES[status] ?? "api_error", message), 0, null);
}

function errorEvent(status: number, message: string): string {
  return event({ ...errorBody(ERROR_TYPES[status] ?? "api_error", message) });
}

function errorBody(type: string, message: string): JsonObject {
  return { type: "error", error: { type, message }, request_id: "req_fake" };
}

function whole(status: number, json: unknown, sequence: number, usage: JsonObject | null): Whole {
  return { kind: "whole", status, headers: { ...VENDOR_HEADERS, "request-id": `req_${sequence}` }, json, usage };
}

function event(data: JsonObject): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

function messages(body: JsonObject, request: DialectRequest): Answer {
  const prompt = promptOf(body);
  const said = reply(prompt);
  const usage = { ...usageOf(body, said), ...request.usage };
  const head = { id: `msg_${request.sequence}`, type: "message", role: "assistant", model: body.model };
  const ending = {
    stop_reason: STOP_REASONS[said.finish],
    stop_sequence: said.finish === "stop_sequence" ? prompt.stop[0] : null,
  };
  if (body.stream === true) return messageStream(head, said, ending, usage, request.sequence);
  return whole(200, { ...head, content: blocks(said), ...ending, usage }, request.sequence, usage);
}

function blocks(said: Reply): JsonObject[] {
  const thinking = said.reasoning === "" ? [] : [{ type: "thinking", thinking: said.reasoning, signature: "RmFrZQ==" }];
  const text = said.text === "" ? [] : [{ type: "text", text: said.text }];
  const calls = said.calls.map((call, index) => ({
    type: "tool_use",
    id: `toolu_${index + 1}`,
    name: call.name,
    input: JSON.parse(call.arguments) as unknown,
  }));
  return [...thinking, ...text, ...calls];
}

function messageStream(
  head: JsonObject,
  said: Reply,
  ending: JsonObject,
  usage: JsonObject,
  sequence: number,
): EventStream {
  const opening = { ...usage, output_tokens: 1 };
  const message = { ...head, content: [], stop_reason: null, stop_sequence: null, usage: opening };
  const events = [event({ type: "message_start", message })];
  blocks(said).forEach((block, index) => {
    events.push(...blockEvents(block, index));
    if (index === 0) events.splice(2, 0, event({ type: "ping" }));
  });
  events.push(event({ type: "message_delta", delta: ending, usage }), event({ type: "message_stop" }));
  const headers = {
    ...VENDOR_HEADERS,
    "request-id": `req_${sequence}`,
    "content-type": "text/event-stream; charset=utf-8",
  };
  return { kind: "stream", headers, events, usage };
}

function blockEvents(block: JsonObject, index: number): string[] {
  const deltas: JsonObject[] = [];
  let empty: JsonObject = block;
  if (block.type === "text") {
    empty = { type: "text", text: "" };
    deltas.push(...pieces(String(block.text)).map((text) => ({ type: "text_delta", text })));
  } else if (block.type === "thinking") {
    empty = { type: "thinking", thinking: "", signature: "" };
    deltas.push(...pieces(String(block.thinking)).map((thinking) => ({ type: "thinking_delta", thinking })));
    deltas.push({ type: "signature_delta", signature: block.signature });
  } else {
    empty = { ...block, input: {} };
    // A tool without arguments sends no JSON at all.
    const json = JSON.stringify(block.input);
    const parts = json === "{}" ? [] : ["", ...(json.match(/.{1,12}/gs) ?? [])];
    deltas.push(...parts.map((partial_json) => ({ type: "input_json_delta", partial_json })));
  }
  return [
    event({ type: "content_block_start", index, content_block: empty }),
    ...deltas.map((delta) => event({ type: "content_block_delta", index, delta })),
    event({ type: "content_block_stop", index }),
  ];
}

function promptTokens(body: JsonObject): number {
  const turns = objectsOf(body.messages).map((turn) => countWords(textOf(turn.content)));
  return turns.reduce((sum, words) => sum + words, countWords(textOf(body.system)));
}

function usageOf(body: JsonObject, said: Reply): JsonObject {
  const thinking = countWords(said.reasoning);
  return {
    input_tokens: promptTokens(body),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: spokenTokens(said) + thinking,
    output_tokens_details: { thinking_tokens: thinking },
    service_tier: "standard",
  };
}

function promptOf(body: JsonObject): Prompt {
  const turns = objectsOf(body.messages);
  const last = objectsOf(turns.at(-1)?.content);
  // Turns that hold nothing but tool results are not what the user said.
  const lastUser = turns.findLast((turn) => turn.role === "user" && textOf(turn.content) !== "");
  const config = isObject(body.output_config) ? body.output_config : {};
  const schema = isObject(config.format) ? config.format.schema : null;
  const thinking = isObject(body.thinking) ? body.thinking : {};
  return {
    user: textOf(lastUser?.content),
    results: last.filter((block) => block.type === "tool_result").map((block) => textOf(block.content)),
    images: objectsOf(lastUser?.content)
      .filter((block) => block.type === "image")
      .map(imageOf),
    tools: objectsOf(body.tools).map((tool) => ({ name: String(tool.name), schema: tool.input_schema })),
    choice: choiceOf(body.tool_choice),
    format: isObject(schema) ? schema : null,
    stop: listOf(body.stop_sequences).map(String),
    limit: typeof body.max_tokens === "number" ? body.max_tokens : null,
    // Newer models show their thinking only when asked to.
    reasoning: thinking.type === "enabled" || (thinking.type === "adaptive" && thinking.display === "summarized"),
  };
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return objectsOf(content)
    .filter((block) => block.type === "text")
    .map((block) => String(block.text))
    .join("\n");
}

function imageOf(block: JsonObject): string {
  const source = isObject(block.source) ? block.source : {};
  if (source.type === "url") return `image ${source.url}`;
  return describeImage(String(source.media_type), String(source.data));
}

function choiceOf(choice: unknown): Prompt["choice"] {
  if (!isObject(choice)) return "auto";
  if (choice.type === "tool") return { name: String(choice.name) };
  return choice.type === "any" ? "required" : choice.type === "none" ? "none" : "auto";
}
