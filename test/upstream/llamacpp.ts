/**
 * llama.cpp's server: one model whatever is asked for, unknown fields are ignored, error codes are numbers.
 * @see https://github.com/ggml-org/llama.cpp/tree/master/tools/server
 */
import type { Account, Answer, Dialect, DialectRequest, JsonObject, Whole } from "./answer.ts";
import { isObject, listOf, objectsOf, Refused } from "./answer.ts";
import { reworded, withChoices, without, withSaid } from "./openai-family.ts";
import { promptTokens } from "./openai-prompt.ts";
import { chat, completions, embeddings, models, type Spoken, type Words } from "./openai-shape.ts";
import { endsWithAny, event, onWire, whole } from "./openai-wire.ts";

const PATHS = ["/chat/completions", "/completions", "/embeddings", "/models"];
const HEADERS = { server: "llama.cpp" };
const WORDS: Words = { reasoning: "reasoning_content", head: { system_fingerprint: "b9000-fake" } };

const TYPES: Record<number, string> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  501: "not_supported_error",
  503: "unavailable_error",
};

/** A prompt that is too long is told with its numbers. */
class TooLong extends Refused {
  readonly tokens: number;
  readonly context: number;
  constructor(tokens: number, context: number) {
    const message = `request (${tokens} tokens) exceeds the available context size (${context} tokens), try increasing it`;
    super(400, "exceed_context_size_error", message);
    this.tokens = tokens;
    this.context = context;
  }
}

export const llamacpp: Dialect = { serves: (path) => endsWithAny(path, PATHS), answer, refusal, errorEvent };

function answer(request: DialectRequest): Answer {
  try {
    checkKey(request);
    return onWire(speak(request), HEADERS);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    const numbers = problem instanceof TooLong ? { n_prompt_tokens: problem.tokens, n_ctx: problem.context } : {};
    const { status, message, type } = problem;
    return whole(status, { error: { code: status, message, type, ...numbers } }, HEADERS);
  }
}

function checkKey({ headers, account }: DialectRequest): void {
  const key = headers.authorization?.replace(/^Bearer /, "") ?? "";
  if (account.keys === undefined || account.keys.includes(key)) return;
  throw new Refused(401, "authentication_error", "Invalid API Key");
}

function invalid(message: string): Refused {
  return new Refused(400, "invalid_request_error", message);
}

function speak(request: DialectRequest): Spoken {
  if (request.path.endsWith("/models")) return models(request);
  const body = request.body;
  if (body === null) throw new Refused(404, "not_found_error", "File Not Found");
  if (request.path.endsWith("/embeddings")) {
    if (body.input === undefined) throw invalid('"input" or "content" must be provided');
    return embeddings(body, request);
  }
  if (request.path.endsWith("/chat/completions")) {
    checkChat(body, request.account);
    // A tool chosen by name is no string, so it counts as not said.
    const read = isObject(body.tool_choice) ? without(body, "tool_choice") : body;
    return timed(opened(chat(read, request, WORDS)));
  }
  if (body.prompt === undefined) throw invalid('"prompt" must be provided');
  return timed(completions(body, request));
}

function checkChat(body: JsonObject, { context }: Account): void {
  if (body.messages === undefined) throw invalid("'messages' is required");
  if (!Array.isArray(body.messages)) throw invalid("Expected 'messages' to be an array");
  for (const message of body.messages) checkMessage(message);
  if (body.tools !== undefined && !Array.isArray(body.tools)) throw invalid("Expected 'tools' to be an array");
  const tooled = listOf(body.tools).length > 0 && body.tool_choice !== "none";
  if (tooled && isObject(body.response_format) && body.response_format.type !== "text") {
    throw invalid("Cannot use custom grammar constraints with tools.");
  }
  const choice = body.tool_choice;
  if (typeof choice === "string" && !["auto", "none", "required"].includes(choice)) {
    throw invalid(`Invalid tool_choice: ${choice}`);
  }
  const tokens = promptTokens(body);
  if (context !== undefined && tokens > context) throw new TooLong(tokens, context);
}

function checkMessage(message: unknown): void {
  if (!isObject(message)) throw invalid("Expected 'messages' to be an array of objects");
  if (message.role === undefined) throw invalid("Missing 'role' in message");
  if (message.content === undefined && message.tool_calls === undefined) {
    throw invalid("Expected 'content' or 'tool_calls' in message");
  }
  for (const part of objectsOf(message.content)) {
    if (!["text", "image_url", "input_audio"].includes(String(part.type))) {
      throw invalid("unsupported content[].type");
    }
    if (part.type !== "image_url") continue;
    const url = isObject(part.image_url) ? String(part.image_url.url) : "";
    if (!/^(https?:\/\/|data:image\/\w+;base64,)/.test(url)) throw invalid("Invalid url value");
  }
}

/** The first delta has no text yet; nothing tells of refusals, and only the end has a list of probabilities. */
function opened(spoken: Spoken): Spoken {
  return reworded(spoken, (json, index) =>
    withChoices(json, (choice) => {
      const said = withSaid(without(choice, "logprobs"), (delta) => without(delta, "refusal"));
      const opening = spoken.kind === "chunks" && index === 0;
      return opening ? withSaid(said, (delta) => ({ ...delta, content: null })) : said;
    }),
  );
}

/** Where usage is told, times are told too. */
function timed(spoken: Spoken): Spoken {
  const { usage: told } = spoken;
  if (told === null) return reworded(spoken, (json) => without(json, "usage"));
  const { completion_tokens, prompt_tokens, total_tokens } = told;
  const usage = { completion_tokens, prompt_tokens, total_tokens, prompt_tokens_details: { cached_tokens: 0 } };
  const timings = {
    cache_n: 0,
    prompt_n: prompt_tokens,
    prompt_ms: 12.5,
    predicted_n: completion_tokens,
    predicted_ms: 8.1,
  };
  const changed = reworded(spoken, (json) => {
    const tells = isObject(json.usage);
    return tells ? { ...json, usage, timings } : without(json, "usage");
  });
  return { ...changed, usage };
}

function refusal(status: number, message: string): Whole {
  const type = TYPES[status] ?? "server_error";
  const said = status === 503 ? "Loading model" : message;
  return whole(status, { error: { code: status, message: said, type } }, HEADERS);
}

function errorEvent(status: number, message: string): string {
  return event(refusal(status, message).json);
}
