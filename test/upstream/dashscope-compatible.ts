/** DashScope's compatible mode: OpenAI's shape, with the platform's limits and codes behind it. */
import type { Answer, Dialect, DialectRequest, JsonObject, Whole } from "./answer.ts";
import { Refused } from "./answer.ts";
import { checkKey, STREAM_ONLY_THINKERS } from "./dashscope-check.ts";
import { batchLimit } from "./dashscope-embeddings.ts";
import { codeOf, HEADERS } from "./dashscope-error.ts";
import { checkChat, checkCompletion, checkEmbeddings } from "./openai-check.ts";
import { promptTokens } from "./openai-prompt.ts";
import { chat, completions, embeddings, inputsOf, type Spoken, type Words } from "./openai-shape.ts";
import { event, onWire, whole } from "./openai-wire.ts";

const PATHS = /\/compatible-mode\/v1\/(chat\/completions|completions|embeddings)$/;
const WORDS: Words = { reasoning: "reasoning_content", head: { system_fingerprint: null } };

export const dashscopeCompatible: Dialect = { serves: (path) => PATHS.test(path), answer, refusal, errorEvent };

function answer(request: DialectRequest): Answer {
  try {
    checkKey(request.headers, request.account);
    return onWire(speak(request), HEADERS);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    return whole(problem.status, { error: errorOf(problem), request_id: "req-fake" }, HEADERS);
  }
}

function errorOf({ status, code, message, param }: Refused): JsonObject {
  if (status === 401) {
    return { message: "Incorrect API key provided.", type: "invalid_request_error", param, code: "invalid_api_key" };
  }
  return { message, type: "invalid_request_error", param, code: code ?? "invalid_parameter_error" };
}

/** Errors of the account and of the platform have the native code as their type too. */
function refusal(status: number, message: string): Whole {
  const code = codeOf(status);
  const error = status < 403 ? errorOf(new Refused(status, "", message)) : { message, type: code, param: null, code };
  return whole(status, { error, request_id: "req-fake" }, HEADERS);
}

function errorEvent(status: number, message: string): string {
  return event(refusal(status, message).json);
}

/** Fields that the platform does not know are ignored, as local servers do. */
function speak(request: DialectRequest): Spoken {
  const body = request.body;
  if (body === null) throw invalid("Request method 'GET' not supported");
  const { context, ...account } = { ...request.account, lenient: true };
  if (request.path.endsWith("/embeddings")) {
    checkEmbeddings(body, account);
    const most = batchLimit(String(body.model));
    if (inputsOf(body).length > most) {
      throw invalid(`Value error, batch size is invalid, it should not be larger than ${most}.: input.contents`);
    }
    return embeddings(body, request);
  }
  if (!request.path.endsWith("/chat/completions")) {
    checkCompletion(body, account);
    return completions(body, request);
  }
  checkChat(body, account);
  checkPlatform(body);
  if (context !== undefined && promptTokens(body) > context) {
    throw invalid(`Range of input length should be [1, ${context}]`);
  }
  return chat(thinking(body), request, WORDS);
}

function invalid(message: string): Refused {
  return new Refused(400, "invalid_request_error", message, null, "invalid_parameter_error");
}

function checkPlatform(body: JsonObject): void {
  const { temperature, top_p } = body;
  if (typeof temperature === "number" && temperature >= 2) throw invalid("'temperature' must be in [0.0, 2.0)");
  if (typeof top_p === "number" && (top_p <= 0 || top_p > 1)) throw invalid("'top_p' must be in (0.0, 1.0]");
  if (body.tool_choice === "required") {
    throw invalid("The tool_choice parameter does not support being set to required.");
  }
  if (body.enable_thinking === true && body.stream !== true && STREAM_ONLY_THINKERS.test(String(body.model))) {
    throw invalid("parameter.enable_thinking must be set to false for non-streaming calls");
  }
}

/** The switch of the platform; it knows no effort. */
function thinking(body: JsonObject): JsonObject {
  return { ...body, reasoning_effort: body.enable_thinking === true ? "medium" : "none" };
}
