/** DashScope's own embeddings: few texts a call. */
import type { Answer, DialectRequest, JsonObject } from "./answer.ts";
import { isObject, listOf } from "./answer.ts";
import { HEADERS, invalid } from "./dashscope-error.ts";
import { vectorOf } from "./openai-shape.ts";
import { whole } from "./openai-wire.ts";
import { countWords } from "./reply.ts";

export function embeddings(body: JsonObject, request: DialectRequest): Answer {
  const texts = isObject(body.input) ? body.input.texts : undefined;
  if (!Array.isArray(texts) || texts.length === 0) throw invalid("Field required: input.texts");
  checkTexts(String(body.model), texts);
  const parameters = isObject(body.parameters) ? body.parameters : {};
  checkOutput(parameters);
  const dimensions = parameters.dimension ?? 8;
  const found = texts.map((text, text_index) => ({ text_index, embedding: [...vectorOf(text, dimensions)] }));
  const tokens = listOf(texts).reduce<number>((sum, text) => sum + countWords(String(text)), 0);
  const usage = { total_tokens: tokens, ...request.usage };
  // The places are told, not kept.
  const output = { embeddings: found.reverse() };
  return whole(200, { output, usage, request_id: `req-${request.sequence}` }, HEADERS, usage);
}

/** The batch limit of a model, in either protocol. */
export function batchLimit(model: string): number {
  return /-v[12]$/.test(model) ? 25 : 10;
}

function checkTexts(model: string, texts: unknown[]): void {
  const most = batchLimit(model);
  if (texts.length > most) {
    throw invalid(
      `<400> InternalError.Algo.InvalidParameter: Value error, batch size is invalid, it should not be larger than ${most}.: input.contents`,
    );
  }
  if (texts.some((text) => typeof text !== "string" || text === "")) {
    throw invalid("<400> InternalError.Algo.InvalidParameter: Value error, contents is neither str nor list of str.");
  }
}

function checkOutput(parameters: JsonObject): void {
  const { text_type, output_type } = parameters;
  if (text_type !== undefined && text_type !== "document" && text_type !== "query")
    throw invalid("text_type is invalid");
  if (output_type !== undefined && !["dense", "sparse", "dense&sparse"].includes(String(output_type))) {
    throw invalid("output_type is invalid");
  }
}
