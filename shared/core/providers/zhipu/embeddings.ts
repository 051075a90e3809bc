import { ClientRequest, Provider, ProviderRequest } from "../../exchange.ts";
import { Json } from "../../json.ts";
import { Problem } from "../../problem.ts";
import { OpenAiEmbeddings } from "../openai/embeddings.ts";
import { requestPath } from "../openai/path.ts";
import { DIALECT } from "./dialect.ts";
import { errorOf, readError, readFailure } from "./failure.ts";
import { writeCredential } from "./token.ts";

/** The most texts of one call. */
const BATCH_SIZE: i32 = 64;

/**
 * Embeddings of Zhipu's models. The API always answers numbers and takes texts only.
 * @see https://docs.bigmodel.cn/api-reference
 */
export class ZhipuEmbeddings extends OpenAiEmbeddings {
  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
  }

  protected override batchSize(): i32 {
    return BATCH_SIZE;
  }

  protected override writeHead(credential: string, out: ProviderRequest): void {
    out.path = requestPath(this, DIALECT);
    out.header("content-type", "application/json");
    writeCredential(this, credential, out);
  }

  protected override errorIn(answer: Json): Problem | null {
    const error = errorOf(answer);
    return error == null ? null : readError(200, error, this.call, "");
  }

  override failure(status: i32, body: Uint8Array, retryAfter: string): Problem {
    return readFailure(status, body, this.call, retryAfter);
  }
}
