import { ByteWriter } from "../../byte-writer.ts";
import { CHAT, ClientRequest, FAILED, Provider, ProviderRequest, REPLACED } from "../../exchange.ts";
import { Json, OBJECT } from "../../json.ts";
import { invalidRequest, Problem, providerError } from "../../problem.ts";
import { SseReader } from "../../sse.ts";
import { SseExchange } from "../../sse-exchange.ts";
import { RequestTranslation as Translation } from "../../translation.ts";
import { readFailure, readStreamError } from "./failure.ts";
import { FIRST_VERSION, writeRequest } from "./request.ts";
import { isMessage, writeCompletion } from "./response.ts";
import { MessageStream } from "./stream.ts";

/** A chat completion as a call of Anthropic's Messages API. */
export class AnthropicExchange extends SseExchange {
  private opened: MessageStream | null = null;

  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
    this.rewrites = true;
  }

  /** Made with the first event. */
  private stream(): MessageStream {
    const opened = this.opened;
    if (opened != null) return opened;
    const stream = new MessageStream(this.call, this.model, this.usage);
    this.opened = stream;
    return stream;
  }

  override request(credential: string, out: ProviderRequest): boolean {
    const call = this.call;
    if (call.endpoint !== CHAT) {
      const message = "The model `" + call.model + "` serves chat completions only.";
      this.problem = invalidRequest(message, "model", "unsupported_endpoint");
      return false;
    }
    const provider = this.provider;
    const version = provider.option("anthropic_version", FIRST_VERSION);
    const body = new ByteWriter(call.body.length + 1024);
    const translation = new Translation(body, this.capabilities, this.strict);
    if (!writeRequest(call, this.model, version, translation)) {
      this.problem = translation.problem;
      return false;
    }
    out.path = provider.path + (provider.path.endsWith("/v1") ? "/messages" : "/v1/messages");
    if (provider.query.length > 0) out.path += "?" + provider.query;
    out.header("content-type", "application/json");
    out.header("accept", call.stream ? "text/event-stream" : "application/json");
    out.header("anthropic-version", version);
    if (credential.length > 0) out.header("x-api-key", credential);
    out.body = body.take();
    return true;
  }

  override response(body: Uint8Array, out: ByteWriter): i32 {
    const answer = Json.parse(body);
    if (answer == null || answer.kind !== OBJECT) {
      this.problem = providerError("The provider's answer is not a JSON object.");
      return FAILED;
    }
    if (answer.value("error") != null) {
      this.problem = readStreamError(answer, this.call.model);
      return FAILED;
    }
    if (!isMessage(answer)) {
      this.problem = providerError("The provider's answer is not a message.");
      return FAILED;
    }
    writeCompletion(answer, this.call, this.model, this.usage, out);
    return REPLACED;
  }

  protected override event(reader: SseReader, out: ByteWriter): void {
    const stream = this.stream();
    stream.take(reader.data, reader.dataStart, reader.dataEnd, out);
    this.changed = true;
    this.begun = stream.begun;
    this.finished = stream.finished;
    this.producedBytes = stream.producedBytes;
    this.problem = stream.problem;
  }

  protected override ended(out: ByteWriter): void {
    const stream = this.stream();
    stream.end(out);
    this.begun = stream.begun;
    this.finished = stream.finished;
    this.changed = true;
  }

  override failure(status: i32, body: Uint8Array, retryAfter: string): Problem {
    return readFailure(status, body, retryAfter, this.call.model);
  }
}
