import { ByteWriter } from "../../byte-writer.ts";
import { CHAT, ClientRequest, Provider, ProviderRequest } from "../../exchange.ts";
import { Json } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { Problem } from "../../problem.ts";
import { OpenAiExchange } from "../openai/exchange.ts";
import { readFailure, readStreamError } from "./failure.ts";
import { compatiblePath } from "./path.ts";
import { withThinking } from "./thinking.ts";
import { needsStream } from "./whole-by-stream.ts";

/** A call of DashScope's compatible mode: OpenAI's wire format at a path of its own, with DashScope's errors. */
export class DashScopeCompatibleExchange extends OpenAiExchange {
  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
  }

  override request(credential: string, out: ProviderRequest): boolean {
    if (!super.request(credential, out)) return false;
    if (this.call.endpoint === CHAT) out.body = withThinking(out.body, this.call.json);
    out.path = compatiblePath(this.provider, this.call.endpoint);
    const call = this.call;
    if (call.endpoint === CHAT && !call.stream && needsStream(this.capabilities, call.json))
      out.body = asStream(out.body);
    return true;
  }

  override failure(status: i32, body: Uint8Array, retryAfter: string): Problem {
    return readFailure(status, body, retryAfter, this.call.model);
  }

  protected override streamError(root: Json): Problem {
    return readStreamError(0, root, this.call.model);
  }
}

/** The request, but for a stream, which the attempt joins to a whole answer again. */
function asStream(body: Uint8Array): Uint8Array {
  const request = Json.parse(body);
  if (request == null) return body;
  const out = new ByteWriter(body.length + 64);
  const w = new JsonWriter(out).object();
  let member = request.first();
  while (member != null) {
    if (!member.isKey("stream") && !member.isKey("stream_options")) w.keyOf(member).json(member);
    member = member.next;
  }
  w.key("stream").bool(true).key("stream_options").object().key("include_usage").bool(true).end().end();
  return out.take();
}
