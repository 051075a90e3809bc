/**
 * Google's Gemini API: chats, embeddings, images. The method stands behind the model in the path.
 * @see https://ai.google.dev/api/generate-content
 */
import type { Answer, Dialect, DialectRequest, JsonObject, Whole } from "./answer.ts";
import { Refused } from "./answer.ts";
import { checkGenerate } from "./gemini-check.ts";
import { embedBatch, embedOne } from "./gemini-embeddings.ts";
import { invalidArgument, STATUS } from "./gemini-error.ts";
import { generate } from "./gemini-generate.ts";
import { event, whole } from "./openai-wire.ts";

const PATH =
  /\/(?:v1beta|v1|v1alpha)\/models\/([^/:]+):(generateContent|streamGenerateContent|embedContent|batchEmbedContents)$/;
const HEADERS = {
  "content-type": "application/json; charset=UTF-8",
  "server-timing": "gfet4t7; dur=7",
  server: "scaffolding on HTTPServer2",
};

export const gemini: Dialect = {
  serves: (path) => PATH.test(path),
  modelIn: (path) => PATH.exec(path)?.[1] ?? null,
  answer,
  refusal,
  errorEvent,
};

function answer(request: DialectRequest): Answer {
  try {
    checkKey(request);
    const [, model = "", method = ""] = PATH.exec(request.path) ?? [];
    const { account, body } = request;
    if (account.models !== undefined && !account.models.includes(model)) {
      const message = `models/${model} is not found for API version v1beta, or is not supported for ${method}. Call ListModels to see the list of available models and their supported methods.`;
      throw new Refused(404, "NOT_FOUND", message);
    }
    if (body === null) throw new Refused(405, "INVALID_ARGUMENT", "Method not allowed.");
    return methods(body, model, method, request);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    return whole(problem.status, errorBody(problem.status, problem.type, problem.message, problem.code), HEADERS);
  }
}

function methods(body: JsonObject, model: string, method: string, request: DialectRequest): Answer {
  if (method === "embedContent") return whole(200, embedOne(body, model), HEADERS);
  if (method === "batchEmbedContents") return whole(200, embedBatch(body, model), HEADERS);
  checkGenerate(body, model, request.account);
  const { whole: all, chunks, usage } = generate(body, model, request);
  if (method === "generateContent") return whole(200, all, HEADERS, usage);
  if (request.query.get("alt") !== "sse") return inArray(chunks, usage);
  const headers = { ...HEADERS, "content-type": "text/event-stream" };
  const events = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`);
  return { kind: "stream", headers, events, usage };
}

/** Without `alt=sse` a stream is one JSON array, written bit by bit. */
function inArray(chunks: JsonObject[], usage: JsonObject): Answer {
  const events = chunks.map((chunk, index) => `${index === 0 ? "[" : ",\r\n"}${JSON.stringify(chunk)}`);
  return { kind: "stream", headers: HEADERS, events: [...events, "]"], usage };
}

function checkKey({ headers, query, account }: DialectRequest): void {
  const key = headers["x-goog-api-key"] ?? query.get("key");
  if (key === null || key === undefined || key === "") {
    if (account.keys === undefined) return;
    const message =
      "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.";
    throw new Refused(403, "PERMISSION_DENIED", message);
  }
  if (account.keys === undefined || account.keys.includes(key)) return;
  throw invalidArgument("API key not valid. Please pass a valid API key.", "API_KEY_INVALID");
}

function errorBody(status: number, name: string, message: string, reason: string | null): JsonObject {
  const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "googleapis.com" };
  const details = reason === null ? {} : { details: [info] };
  return { error: { code: status, message, status: name, ...details } };
}

/** When to come again stands in the body; a bad key is a bad request. */
function refusal(status: number, message: string): Whole {
  if (status === 401) {
    return whole(400, errorBody(400, "INVALID_ARGUMENT", "API key not valid.", "API_KEY_INVALID"), HEADERS);
  }
  const name = STATUS[status] ?? "INTERNAL";
  const body = errorBody(status, name, message, null);
  if (status !== 429) return whole(status, body, HEADERS);
  const details = [
    {
      "@type": "type.googleapis.com/google.rpc.QuotaFailure",
      violations: [{ quotaId: "GenerateRequestsPerMinutePerProjectPerModel" }],
    },
    { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34s" },
  ];
  return whole(status, { error: { ...(body.error as JsonObject), details } }, HEADERS);
}

function errorEvent(status: number, message: string): string {
  return event(refusal(status, message).json);
}
