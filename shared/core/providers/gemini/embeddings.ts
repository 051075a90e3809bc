import { EmbeddingsExchange } from "../../embeddings/exchange.ts";
import { asksForList } from "../../embeddings/inputs.ts";
import { ClientRequest, Provider, ProviderRequest } from "../../exchange.ts";
import { ARRAY, Json } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { Problem } from "../../problem.ts";
import { RequestTranslation } from "../../translation.ts";
import { findError, readFailure, readStreamError } from "./failure.ts";
import { methodPath, resourceName } from "./path.ts";

/** The most texts of one call. */
const BATCH_SIZE: i32 = 100;

/**
 * Embeddings by `embedContent` or, for several inputs, by `batchEmbedContents`.
 * @see https://ai.google.dev/api/embeddings
 */
export class GeminiEmbeddings extends EmbeddingsExchange {
  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
  }

  protected override batchSize(): i32 {
    return BATCH_SIZE;
  }

  protected override writeHead(credential: string, out: ProviderRequest): void {
    const method = asksForList(this.call) ? "batchEmbedContents" : "embedContent";
    out.path = methodPath(this.provider, this.model, method, "");
    out.header("content-type", "application/json");
    out.header("accept", "application/json");
    if (credential.length > 0) out.header("x-goog-api-key", credential);
  }

  protected override writeBatch(texts: Array<Json>, t: RequestTranslation): boolean {
    if (!asksForList(this.call)) {
      this.writeText(texts[0]!, t.w);
      return true;
    }
    t.w.object().key("requests").array();
    for (let i: i32 = 0; i < texts.length; i++) this.writeText(texts[i]!, t.w);
    t.w.end().end();
    return true;
  }

  private writeText(text: Json, w: JsonWriter): void {
    w.object().key("model").string(resourceName(this.model));
    w.key("content").object().key("parts").array().object().key("text").json(text).end().end().end();
    const dimensions = this.call.json.value("dimensions");
    if (dimensions != null) w.key("outputDimensionality").int(dimensions.int(0));
    w.end();
  }

  protected override readVectors(answer: Json, vectors: Array<Json | null>): void {
    const embeddings = answer.value("embeddings");
    let embedding = answer.value("embedding");
    if (embeddings != null) embedding = embeddings.kind === ARRAY ? embeddings.first() : null;
    let place: i32 = 0;
    while (embedding != null) {
      // One more than there are texts: nobody knows which vector belongs to which.
      if (place === vectors.length) {
        vectors[0] = null;
        return;
      }
      vectors[place++] = embedding.value("values");
      embedding = embeddings == null ? null : embedding.next;
    }
  }

  protected override usageOf(answer: Json): Json | null {
    return answer.value("usageMetadata");
  }

  protected override tokensMember(): string {
    return "promptTokenCount";
  }

  protected override errorIn(answer: Json): Problem | null {
    const error = findError(answer);
    return error == null ? null : readStreamError(error, this.call.model);
  }

  override failure(status: i32, body: Uint8Array, retryAfter: string): Problem {
    return readFailure(status, body, retryAfter, this.call.model);
  }
}
