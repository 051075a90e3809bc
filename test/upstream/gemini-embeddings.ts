/** Gemini's embeddings, one by one or in a batch. */
import { isObject, type JsonObject, objectsOf } from "./answer.ts";
import { textOf } from "./gemini-check.ts";
import { invalidArgument } from "./gemini-error.ts";
import { knownBatch, knownEmbed } from "./gemini-fields.ts";
import { vectorOf } from "./openai-shape.ts";

const TASKS =
  `RETRIEVAL_QUERY RETRIEVAL_DOCUMENT SEMANTIC_SIMILARITY CLASSIFICATION CLUSTERING QUESTION_ANSWERING FACT_VERIFICATION
  CODE_RETRIEVAL_QUERY TASK_TYPE_UNSPECIFIED`.split(/\s+/);
const MOST = 100;

export function embedOne(body: JsonObject, model: string): JsonObject {
  return { embedding: embedding(knownEmbed(body), model, "EmbedContentRequest") };
}

export function embedBatch(body: JsonObject, model: string): JsonObject {
  const requests = objectsOf(knownBatch(body).requests);
  if (requests.length === 0) throw invalidArgument("* BatchEmbedContentsRequest.requests: at least one is required\n");
  if (requests.length > MOST) {
    throw invalidArgument("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n");
  }
  const embeddings = requests.map((request, index) => {
    const at = `BatchEmbedContentsRequest.requests[${index}]`;
    if (request.model === undefined) throw invalidArgument(`* ${at}.model: model is required.\n`);
    return embedding(request, model, at);
  });
  return { embeddings };
}

/** Each request of a batch names the model again. */
function embedding(request: JsonObject, model: string, at: string): JsonObject {
  if (request.model !== undefined && request.model !== `models/${model}`) {
    throw invalidArgument(`* ${at}.model: unexpected model name format or a model other than models/${model}\n`);
  }
  const text = isObject(request.content) ? textOf(request.content) : "";
  if (text === "") throw invalidArgument(`* ${at}.content: contents is not specified\n`);
  if (request.taskType !== undefined && !TASKS.includes(String(request.taskType))) {
    throw invalidArgument(`Invalid value at 'task_type', "${request.taskType}"`);
  }
  const dimensions = request.outputDimensionality;
  if (dimensions !== undefined && !(Number.isInteger(dimensions) && Number(dimensions) > 0)) {
    throw invalidArgument(`* ${at}.output_dimensionality: must be positive\n`);
  }
  return { values: [...vectorOf(text, dimensions)] };
}
