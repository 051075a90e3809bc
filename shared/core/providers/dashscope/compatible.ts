import { ClientRequest, Provider, ProviderRequest } from "../../exchange.ts";
import { Json } from "../../json.ts";
import { invalidRequest, Problem } from "../../problem.ts";
import { OpenAiExchange } from "../openai/exchange.ts";
import { readFailure, readStreamError } from "./failure.ts";
import { compatiblePath } from "./path.ts";

/** A call of DashScope's compatible mode: OpenAI's wire format at a path of its own, with DashScope's errors. */
export class DashScopeCompatibleExchange extends OpenAiExchange {
  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
  }

  override request(credential: string, out: ProviderRequest): boolean {
    const path = compatiblePath(this.provider, this.call.endpoint);
    if (path.length === 0) {
      const message = "The model `" + this.call.model + "` serves no images.";
      this.problem = invalidRequest(message, "model", "unsupported_endpoint");
      return false;
    }
    if (!super.request(credential, out)) return false;
    out.path = path;
    return true;
  }

  override failure(status: i32, body: Uint8Array, retryAfter: string): Problem {
    return readFailure(status, body, retryAfter, this.call.model);
  }

  protected override streamError(root: Json): Problem {
    return readStreamError(0, root, this.call.model);
  }
}
