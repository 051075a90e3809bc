import { ByteWriter } from "../../byte-writer.ts";
import { startsAscii } from "../../bytes.ts";
import {
  CHAT,
  ClientRequest,
  FAILED,
  IMAGE_EDITS,
  IMAGES,
  PASS,
  Provider,
  ProviderRequest,
  REPLACED,
} from "../../exchange.ts";
import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { skipSpace } from "../../json-scan.ts";
import { JsonWriter } from "../../json-writer.ts";
import { invalidRequest, Problem, providerError } from "../../problem.ts";
import { SseReader } from "../../sse.ts";
import { SseExchange } from "../../sse-exchange.ts";
import { RequestTranslation as Translation } from "../../translation.ts";
import { USAGE_PROVIDER } from "../../usage.ts";
import { writeUsageEvent } from "../openai/answer.ts";
import { EventScan } from "../openai/event.ts";
import { requestPath } from "../openai/path.ts";
import { readUsage } from "../openai/usage.ts";
import { areChoices, isBroken, writeChunk, writeCompletion } from "./answer.ts";
import { DIALECT } from "./dialect.ts";
import { errorOf, readError, readFailure } from "./failure.ts";
import { writeImages } from "./images.ts";
import { writeChat } from "./request.ts";
import { writeCredential } from "./token.ts";

/** Zhipu's GLM models (BigModel, Z.ai): OpenAI's wire format with fields, errors and ends of streams of its own. */
export class ZhipuExchange extends SseExchange {
  private readonly scan: EventScan = new EventScan();
  /** The usage chunk that a client which asked for it gets at the stream's end. */
  private readonly usageEvent: ByteWriter = new ByteWriter(0);
  /** The client has got its first delta. */
  private opened: boolean = false;
  /** The answer's finish reason has come. */
  private closed: boolean = false;

  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
    this.rewrites = call.endpoint !== IMAGES;
  }

  override request(credential: string, out: ProviderRequest): boolean {
    const call = this.call;
    if (call.endpoint === IMAGE_EDITS) {
      const message = "The model `" + call.model + "` edits no images.";
      this.problem = invalidRequest(message, "model", "unsupported_endpoint");
      return false;
    }
    const body = new ByteWriter(call.body.length + 256);
    const t = new Translation(body, this.capabilities, this.strict);
    if (!this.write(t)) {
      this.problem = t.problem;
      return false;
    }
    out.body = body.take();
    out.path = requestPath(this, DIALECT);
    out.header("content-type", "application/json");
    writeCredential(this, credential, out);
    return true;
  }

  private write(t: Translation): boolean {
    const call = this.call;
    if (call.endpoint === CHAT) return writeChat(call, this.model, t);
    return writeImages(call, this.model, t);
  }

  override response(body: Uint8Array, out: ByteWriter): i32 {
    const answer = Json.parse(body);
    if (answer == null || answer.kind !== OBJECT) return this.fail("The provider's answer is not a JSON object.");
    const error = errorOf(answer);
    if (error != null) {
      this.problem = readError(200, error, this.call, "");
      return FAILED;
    }
    const usage = answer.value("usage");
    if (usage != null && usage.kind === OBJECT) readUsage(usage, this.usage);
    if (this.call.endpoint === CHAT) return this.completion(answer, out);
    if (this.call.endpoint === IMAGES) {
      const data = answer.value("data");
      this.usage.images = data != null && data.kind === ARRAY ? data.count() : 0;
      this.usage.source = USAGE_PROVIDER;
    }
    return PASS;
  }

  private completion(answer: Json, out: ByteWriter): i32 {
    const choices = answer.value("choices");
    if (choices == null || choices.isEmpty() || !areChoices(choices))
      return this.fail("The provider's answer holds no choice.");
    if (isBroken(answer)) return this.fail("The provider broke the answer off.");
    this.scan.read(answer.source, answer.start, answer.end);
    this.producedBytes = this.scan.answerBytes;
    writeCompletion(answer, new JsonWriter(out));
    return REPLACED;
  }

  private fail(message: string): i32 {
    this.problem = providerError(message);
    return FAILED;
  }

  protected override event(reader: SseReader, out: ByteWriter): void {
    this.changed = true;
    if (this.finished) return;
    const data = reader.data;
    const start = reader.dataStart;
    const end = reader.dataEnd;
    if (startsAscii(data, start, end, "[DONE]")) {
      if (this.begun) this.finish(out);
      else this.fail("The provider's stream holds no answer.");
      return;
    }
    const from = skipSpace(data, start, end);
    // A keep-alive that pretends to be data.
    if (from >= end || (data[from] as i32) !== 0x7b) return;
    const chunk = Json.parseSpan(data, start, end);
    if (chunk == null) {
      // Half an event is left behind by a connection that broke; else a part of the answer would be missing.
      if (!reader.unterminated) this.fail("The provider's stream holds an event that is not JSON.");
      return;
    }
    const error = errorOf(chunk);
    if (error != null) this.problem = readError(200, error, this.call, "");
    else if (isBroken(chunk)) this.fail("The provider broke the answer off.");
    else this.take(chunk, out);
  }

  private take(chunk: Json, out: ByteWriter): void {
    const usage = chunk.value("usage");
    if (usage != null && usage.kind === OBJECT) {
      readUsage(usage, this.usage);
      if (this.call.includeUsage) writeUsageEvent(chunk, true, new JsonWriter(this.usageEvent.clear()));
    }
    const choices = chunk.value("choices");
    if (choices == null || choices.isEmpty()) return;
    const choice = choices.first();
    if (choice == null || !areChoices(choices)) {
      this.fail("The provider's stream holds a choice that is no object.");
      return;
    }
    const reason = choice.value("finish_reason");
    if (reason != null && reason.kind === STRING && !reason.isEmpty()) this.closed = true;
    this.scan.read(chunk.source, chunk.start, chunk.end);
    this.producedBytes += this.scan.answerBytes;
    if (this.producedBytes > 0 || this.closed) this.begun = true;
    out.ascii("data: ");
    writeChunk(chunk, !this.opened, this.call.includeUsage, new JsonWriter(out));
    out.ascii("\n\n");
    this.opened = true;
  }

  private finish(out: ByteWriter): void {
    if (this.usageEvent.length > 0) out.ascii("data: ").writer(this.usageEvent).ascii("\n\n");
    out.ascii("data: [DONE]\n\n");
    this.finished = true;
  }

  /** An answer with its finish reason is whole, though the server left out `[DONE]`. */
  protected override ended(out: ByteWriter): void {
    if (this.finished || !this.closed) return;
    this.changed = true;
    this.finish(out);
  }

  override failure(status: i32, body: Uint8Array, retryAfter: string): Problem {
    return readFailure(status, body, this.call, retryAfter);
  }
}
