import { EmbeddingsExchange } from "../../embeddings/exchange.ts";
import { asksForList } from "../../embeddings/inputs.ts";
import { ClientRequest, Provider } from "../../exchange.ts";
import { ARRAY, Json, NULL } from "../../json.ts";
import { RequestTranslation } from "../../translation.ts";

/** Embeddings in OpenAI's wire format from a vendor that knows numbers only and takes fewer texts at a time than OpenAI. */
export abstract class OpenAiEmbeddings extends EmbeddingsExchange {
  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
  }

  protected override writeBatch(texts: Array<Json>, t: RequestTranslation): boolean {
    const w = t.w.object().key("model").string(this.model);
    let member = this.call.json.first();
    while (member != null) {
      if (member.isKey("input") && asksForList(this.call)) {
        w.keyOf(member).array();
        for (let i: i32 = 0; i < texts.length; i++) w.json(texts[i]!);
        w.end();
      } else if (member.kind !== NULL && !isLeft(member)) w.keyOf(member).json(member);
      member = member.next;
    }
    w.end();
    return true;
  }

  protected override readVectors(answer: Json, vectors: Array<Json | null>): void {
    const data = answer.value("data");
    let entry: Json | null = data != null && data.kind === ARRAY ? data.first() : null;
    for (let place: i32 = 0; entry != null; place++) {
      const index = entry.count32("index", place);
      if (index < vectors.length) vectors[index] = entry.value("embedding");
      entry = entry.next;
    }
  }

  protected override tokensMember(): string {
    return "prompt_tokens";
  }
}

/** What the body has in a spelling of its own, or not at all. */
function isLeft(member: Json): boolean {
  return member.isKey("model") || member.isKey("encoding_format") || member.isKey("user");
}
