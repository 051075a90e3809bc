import { ByteWriter } from "../../byte-writer.ts";
import { ClientRequest, FAILED, Provider, ProviderRequest, REPLACED } from "../../exchange.ts";
import { Json, OBJECT } from "../../json.ts";
import { Problem, providerError } from "../../problem.ts";
import { SseReader } from "../../sse.ts";
import { SseExchange } from "../../sse-exchange.ts";
import { isError, readFailure, readStreamError } from "./failure.ts";
import { generationPath } from "./path.ts";
import { writeRequest } from "./request.ts";
import { isGeneration, writeCompletion } from "./response.ts";
import { isMultimodal } from "./service.ts";
import { GenerationStream } from "./stream.ts";
import { Translation } from "./translation.ts";
import { needsStream } from "./whole-by-stream.ts";

/** A chat completion as a call of DashScope's own generation. */
export class DashScopeExchange extends SseExchange {
  private opened: GenerationStream | null = null;

  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
    this.rewrites = true;
  }

  /** Made with the first event. */
  private stream(): GenerationStream {
    const opened = this.opened;
    if (opened != null) return opened;
    const stream = new GenerationStream(this.call, this.model, this.isIncremental(), this.usage);
    this.opened = stream;
    return stream;
  }

  /** Thoughts are streamed in increments only, and only then do an event's logprobs belong to its text alone. */
  private isIncremental(): boolean {
    const request = this.call.json;
    return !this.provider.refuses("incremental") || needsStream(this.capabilities, request) || request.flag("logprobs");
  }

  override request(credential: string, out: ProviderRequest): boolean {
    const call = this.call;
    const multimodal = isMultimodal(this.capabilities, call.json.value("messages"));
    // A stream that the client did not ask for is joined by the attempt.
    const streamed = call.stream || needsStream(this.capabilities, call.json);
    const body = new ByteWriter(call.body.length + 512);
    const translation = new Translation(body, this.capabilities, multimodal, this.strict);
    if (!writeRequest(call, this.model, streamed, this.isIncremental(), translation)) {
      this.problem = translation.problem;
      return false;
    }
    out.path = generationPath(this.provider, multimodal);
    out.header("content-type", "application/json");
    out.header("accept", streamed ? "text/event-stream" : "application/json");
    if (streamed) out.header("x-dashscope-sse", "enable");
    if (credential.length > 0) out.header("authorization", "Bearer " + credential);
    out.body = body.take();
    return true;
  }

  override response(body: Uint8Array, out: ByteWriter): i32 {
    const answer = Json.parse(body);
    if (answer == null || answer.kind !== OBJECT) {
      this.problem = providerError("The provider's answer is not a JSON object.");
      return FAILED;
    }
    if (isError(answer)) {
      this.problem = readStreamError(0, answer, this.call.model);
      return FAILED;
    }
    if (!isGeneration(answer)) {
      this.problem = providerError("The provider's answer holds no choices.");
      return FAILED;
    }
    writeCompletion(answer, this.call, this.model, this.usage, out);
    return REPLACED;
  }

  protected override event(reader: SseReader, out: ByteWriter): void {
    const stream = this.stream();
    stream.take(reader, out);
    this.changed = true;
    this.begun = stream.begun;
    this.producedBytes = stream.producedBytes;
    this.problem = stream.problem;
  }

  protected override ended(out: ByteWriter): void {
    const stream = this.stream();
    stream.end(out);
    this.changed = true;
    this.begun = stream.begun;
    this.finished = stream.finished;
  }

  override failure(status: i32, body: Uint8Array, retryAfter: string): Problem {
    return readFailure(status, body, retryAfter, this.call.model);
  }
}
