/** The OpenAI dialect: chat, completions, embeddings, images, models. */
import type { Account, Answer, Dialect, DialectRequest, JsonObject, Whole } from "./answer.ts";
import { Refused } from "./answer.ts";
import {
  checkChat,
  checkCompletion,
  checkEmbeddings,
  checkedFiles,
  checkImages,
  checkKey,
  checkModel,
  errorBody,
} from "./openai-check.ts";
import { reworded, withChoices, without, withSaid } from "./openai-family.ts";
import { chat, completions, embeddings, images, models, type Spoken, type Words } from "./openai-shape.ts";
import { endsWithAny, event, onWire, whole } from "./openai-wire.ts";

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

const PATHS = ["/chat/completions", "/completions", "/embeddings", "/images/generations", "/images/edits", "/models"];

const WORDS: Words = {
  reasoning: "reasoning_content",
  head: { service_tier: "default", system_fingerprint: "fp_fake" },
};

export const openai: Dialect = { serves: (path) => endsWithAny(path, PATHS), answer, refusal, errorEvent };

function answer(request: DialectRequest): Answer {
  try {
    checkKey(request.headers, request.account);
    return onWire(shown(speak(request), request.account), VENDOR_HEADERS);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    return whole(problem.status, errorBody(problem), VENDOR_HEADERS);
  }
}

function speak(request: DialectRequest): Spoken {
  if (request.path.endsWith("/models")) return models(request);
  const body = request.body;
  if (body === null) throw new Refused(405, "invalid_request_error", "Not allowed.", null, "method_not_supported");
  return endpoint(body, request, WORDS);
}

/** OpenAI's chats never show what the model thought; those that took its shape over do. */
function shown(spoken: Spoken, { lenient }: Account): Spoken {
  if (lenient === true) return spoken;
  return reworded(spoken, (json) =>
    withChoices(json, (choice) => withSaid(choice, (said) => without(said, "reasoning_content"))),
  );
}

/** Any endpoint but the list of models, checked as OpenAI does. */
export function endpoint(body: JsonObject, request: DialectRequest, words: Words): Spoken {
  const { path, account } = request;
  if (path.endsWith("/chat/completions")) {
    checkChat(body, account);
    const spoken = chat(body, request, words);
    return spoken.kind === "whole" ? { ...spoken, json: annotated(spoken.json) } : spoken;
  }
  if (path.endsWith("/completions")) {
    checkCompletion(body, account);
    return completions(body, request);
  }
  if (path.endsWith("/embeddings")) {
    checkEmbeddings(body, account);
    return embeddings(body, request);
  }
  const model = body.model === undefined ? "gpt-image-1" : checkModel(body.model, account);
  const asked = path.endsWith("/images/edits") ? editOf(body) : body;
  checkImages(asked);
  return images({ ...asked, model }, request);
}

/** What a form asks for: its numbers are texts, and its images are described behind the prompt. */
function editOf(form: JsonObject): JsonObject {
  const files = checkedFiles(form);
  const described = files.map(({ type, bytes }) => `[image ${type} ${bytes} bytes]`);
  const count = form.n === undefined ? {} : { n: Number(form.n) };
  return { ...form, ...count, prompt: form.prompt === undefined ? "" : [form.prompt, ...described].join(" ") };
}

/** Whole messages have a place for what a search found. */
function annotated(json: JsonObject): JsonObject {
  const choices = (json.choices as { message: JsonObject }[]).map((choice) => ({
    ...choice,
    message: { ...choice.message, annotations: [] },
  }));
  return { ...json, choices };
}

function refusal(status: number, message: string): Whole {
  const type = status >= 500 ? "server_error" : status === 429 ? "requests" : "invalid_request_error";
  const code = status === 429 ? "rate_limit_exceeded" : status === 401 ? "invalid_api_key" : null;
  return whole(status, { error: { message, type, param: null, code } }, VENDOR_HEADERS);
}

function errorEvent(status: number, message: string): string {
  return event(refusal(status, message).json);
}
