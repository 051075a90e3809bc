/**
 * Azure OpenAI: OpenAI's API behind dated deployment paths or the v1 path, with content filters around it.
 * @see https://learn.microsoft.com/azure/ai-foundry/openai/reference
 */
import type { Answer, Dialect, DialectRequest, JsonObject, Whole } from "./answer.ts";
import { Refused } from "./answer.ts";
import { endpoint } from "./openai.ts";
import { errorBody } from "./openai-check.ts";
import { reworded, withChoices, without, withSaid } from "./openai-family.ts";
import { models, type Spoken, type Words } from "./openai-shape.ts";
import { event, onWire, whole } from "./openai-wire.ts";

const VENDOR_HEADERS = {
  "apim-request-id": "apim-fake",
  "x-ms-region": "Sweden Central",
  "x-ms-deployment-name": "fake",
  "x-ratelimit-remaining-requests": "249",
  "x-ratelimit-remaining-tokens": "249999",
  "azureml-model-session": "d1-fake",
};

const DATED =
  /\/openai\/deployments\/([^/]+)\/(chat\/completions|completions|embeddings|images\/generations|images\/edits)$/;
const V1 = /\/openai\/v1\/(chat\/completions|completions|embeddings|images\/generations|images\/edits|models)$/;

/** Answers name the version that runs, not the deployment. */
const MODEL_VERSION = "gpt-4o-2024-11-20";
/** Of the first `api-version` that knows them. */
const NEWER_FIELDS: Record<string, string> = { stream_options: "2024-09-01", max_completion_tokens: "2024-09-01" };

const WORDS: Words = { reasoning: "reasoning_content", head: { system_fingerprint: "fp_fake" } };

const ACCESS_DENIED =
  "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active " +
  "subscription and use a correct regional API endpoint for your resource.";

export const azure: Dialect = {
  serves: (path) => DATED.test(path) || V1.test(path),
  modelIn: deploymentIn,
  answer,
  refusal,
  errorEvent,
};

function deploymentIn(path: string): string | null {
  const deployment = DATED.exec(path)?.[1];
  return deployment === undefined ? null : decodeURIComponent(deployment);
}

function answer(request: DialectRequest): Answer {
  try {
    checkKey(request);
    return onWire(speak(request), VENDOR_HEADERS);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    return whole(problem.status, problem.type === "azure" ? gatewayError(problem) : errorBody(problem), VENDOR_HEADERS);
  }
}

/** v1 takes the key as a bearer token too; dated paths take a token of Entra's there, which the fake accepts as a key. */
function checkKey({ headers, account }: DialectRequest): void {
  const key = headers["api-key"] ?? headers.authorization?.replace(/^Bearer /, "") ?? "";
  if (account.keys !== undefined && !account.keys.includes(key)) throw refused(401, "401", ACCESS_DENIED);
}

/** An error of Azure's own, before the model's API is reached: it has no `type` and no `param`. */
function refused(status: number, code: string, message: string): Refused {
  return new Refused(status, "azure", message, null, code);
}

function gatewayError({ code, message }: Refused): JsonObject {
  return { error: { code, message } };
}

function speak(request: DialectRequest): Spoken {
  const deployment = deploymentIn(request.path);
  const version = request.query.get("api-version");
  if (deployment !== null && version === null) throw refused(404, "404", "Resource not found");
  if (request.path.endsWith("/models")) return models(request);
  if (request.body === null) throw refused(405, "405", "Method Not Allowed");
  const body = deployment === null ? request.body : { ...request.body, model: deployment };
  const { models: deployments, ...account } = request.account;
  if (deployments !== undefined && !deployments.includes(String(body.model))) {
    const message =
      "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.";
    throw refused(404, "DeploymentNotFound", message);
  }
  if (deployment !== null) checkVersion(body, String(version));
  const spoken = endpoint(body, { ...request, account }, WORDS);
  return isFiltered(request.path) ? filtered(spoken) : spoken;
}

function checkVersion(body: JsonObject, version: string): void {
  for (const [name, since] of Object.entries(NEWER_FIELDS)) {
    if (body[name] !== undefined && version.slice(0, 10) < since) {
      throw new Refused(400, "invalid_request_error", `Unrecognized request argument supplied: ${name}`);
    }
  }
}

function isFiltered(path: string): boolean {
  return path.endsWith("/completions");
}

const SAFE = Object.fromEntries(
  ["hate", "self_harm", "sexual", "violence"].map((name) => [name, { filtered: false, severity: "safe" }]),
);
const PROMPT_FILTERS = [
  { prompt_index: 0, content_filter_results: { ...SAFE, jailbreak: { filtered: false, detected: false } } },
];

/** A stream opens with what the filters say of the prompt; its ids are empty. */
function filtered(spoken: Spoken): Spoken {
  const changed = reworded(spoken, (json) => withChoices({ ...json, model: MODEL_VERSION }, filteredChoice));
  if (changed.kind === "whole") {
    return { ...changed, json: { ...changed.json, prompt_filter_results: PROMPT_FILTERS } };
  }
  if (changed.kind === "named") return changed;
  const opening = { choices: [], created: 0, id: "", model: "", object: "", prompt_filter_results: PROMPT_FILTERS };
  return { ...changed, chunks: [opening, ...changed.chunks] };
}

/** Chat completions of the vendor never show what the model thought. */
function filteredChoice(choice: JsonObject): JsonObject {
  const said = withSaid(choice, (delta) => without(delta, "reasoning_content"));
  const delta = said.delta as JsonObject | undefined;
  const content = delta === undefined || (typeof delta.content === "string" && delta.content !== "");
  return { content_filter_results: content ? SAFE : {}, ...said };
}

function refusal(status: number, message: string): Whole {
  const code = status === 500 || status === 503 ? "InternalServerError" : String(status);
  return whole(status, { error: { code, message: status === 401 ? ACCESS_DENIED : message } }, VENDOR_HEADERS);
}

function errorEvent(status: number, message: string): string {
  return event(refusal(status, message).json);
}
