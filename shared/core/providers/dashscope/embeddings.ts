import { EmbeddingsExchange } from "../../embeddings/exchange.ts";
import { ClientRequest, EMBEDDINGS, Provider, ProviderRequest } from "../../exchange.ts";
import { ARRAY, Json } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { Problem } from "../../problem.ts";
import { RequestTranslation } from "../../translation.ts";
import { OpenAiEmbeddings } from "../openai/embeddings.ts";
import { isError, readFailure, readStreamError } from "./failure.ts";
import { compatiblePath, nativePath } from "./path.ts";

/** The most texts of one call: of the first two models, and of all later ones. */
const FIRST_BATCH_SIZE: i32 = 25;
const BATCH_SIZE: i32 = 10;

/**
 * Embeddings of DashScope's own API.
 * @see https://help.aliyun.com/en/model-studio/text-embedding-synchronous-api
 */
export class DashScopeEmbeddings extends EmbeddingsExchange {
  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
  }

  protected override batchSize(): i32 {
    return batchSizeOf(this.model);
  }

  protected override writeHead(credential: string, out: ProviderRequest): void {
    out.path = nativePath(this.provider, "/services/embeddings/text-embedding/text-embedding");
    writeHeaders(credential, out);
  }

  protected override writeBatch(texts: Array<Json>, t: RequestTranslation): boolean {
    const w = t.w.object().key("model").string(this.model).key("input").object().key("texts").array();
    for (let i: i32 = 0; i < texts.length; i++) w.json(texts[i]!);
    w.end().end().key("parameters").object();
    let member = this.call.json.first();
    while (member != null) {
      if (member.isKey("dimensions")) w.key("dimension").json(member);
      // DashScope's own: what the text is for, and what the model is told of it.
      else if (member.isKey("text_type") || member.isKey("instruct")) w.keyOf(member).json(member);
      else if (!isKnown(member) && !t.drop(member.key())) return false;
      member = member.next;
    }
    w.end().end();
    return true;
  }

  protected override readVectors(answer: Json, vectors: Array<Json | null>): void {
    const embeddings = memberOf(answer.value("output"), "embeddings");
    let entry: Json | null = embeddings != null && embeddings.kind === ARRAY ? embeddings.first() : null;
    for (let place: i32 = 0; entry != null; place++) {
      const index = entry.count32("text_index", place);
      if (index < vectors.length) vectors[index] = entry.value("embedding");
      entry = entry.next;
    }
  }

  protected override tokensMember(): string {
    return "total_tokens";
  }

  protected override errorIn(answer: Json): Problem | null {
    return isError(answer) ? readStreamError(0, answer, this.call.model) : null;
  }

  override failure(status: i32, body: Uint8Array, retryAfter: string): Problem {
    return readFailure(status, body, retryAfter, this.call.model);
  }
}

/** The members that are read elsewhere, and the user, who makes no difference to the answer. */
function isKnown(member: Json): boolean {
  return member.isKey("model") || member.isKey("input") || member.isKey("encoding_format") || member.isKey("user");
}

/** Embeddings of the compatible mode, for a call that it does not take as it is. */
export class DashScopeCompatibleEmbeddings extends OpenAiEmbeddings {
  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
  }

  protected override batchSize(): i32 {
    return batchSizeOf(this.model);
  }

  protected override writeHead(credential: string, out: ProviderRequest): void {
    out.path = compatiblePath(this.provider, EMBEDDINGS);
    writeHeaders(credential, out);
  }

  protected override errorIn(answer: Json): Problem | null {
    return isError(answer) ? readStreamError(0, answer, this.call.model) : null;
  }

  override failure(status: i32, body: Uint8Array, retryAfter: string): Problem {
    return readFailure(status, body, retryAfter, this.call.model);
  }
}

/** Whether the compatible mode takes the call as it is: it knows numbers only, and no more texts than the API itself. */
export function passesEmbeddings(call: ClientRequest, model: string): boolean {
  if (call.json.string("encoding_format", "float") !== "float") return false;
  const input = call.json.value("input");
  return input == null || input.kind !== ARRAY || input.count() <= batchSizeOf(model);
}

function batchSizeOf(model: string): i32 {
  const first = model.endsWith("embedding-v1") || model.endsWith("embedding-v2");
  return first ? FIRST_BATCH_SIZE : BATCH_SIZE;
}

function writeHeaders(credential: string, out: ProviderRequest): void {
  out.header("content-type", "application/json");
  out.header("accept", "application/json");
  if (credential.length > 0) out.header("authorization", "Bearer " + credential);
}
