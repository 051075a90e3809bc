import { ByteWriter } from "../../byte-writer.ts";
import {
  CHAT,
  ClientRequest,
  FAILED,
  IMAGE_EDITS,
  IMAGES,
  MORE,
  Provider,
  ProviderRequest,
  REPLACED,
} from "../../exchange.ts";
import { Json, OBJECT } from "../../json.ts";
import { invalidRequest, Problem, providerError } from "../../problem.ts";
import { SseReader } from "../../sse.ts";
import { SseExchange } from "../../sse-exchange.ts";
import { encodeUtf8 } from "../../text.ts";
import { RequestTranslation as Translation } from "../../translation.ts";
import { findError, readFailure, readStreamError } from "./failure.ts";
import { ImageAnswer } from "./image-answer.ts";
import { imageCount, writeImageRequest } from "./images.ts";
import { methodPath } from "./path.ts";
import { wholeAnswer } from "./pieces.ts";
import { writeRequest } from "./request.ts";
import { problemOf, writeCompletion } from "./response.ts";
import { AnswerStream } from "./stream.ts";

const BLANK_LINE: Uint8Array = encodeUtf8("\n\n");

/** A chat completion or images as calls of Google's Gemini API. */
export class GeminiExchange extends SseExchange {
  private opened: AnswerStream | null = null;
  private imageAnswer: ImageAnswer | null = null;
  /** Images that were asked for, the one of the first call among them. */
  private imagesAsked: i32 = 1;

  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
    this.rewrites = true;
  }

  /** Made with the first event. */
  private stream(): AnswerStream {
    const opened = this.opened;
    if (opened != null) return opened;
    const stream = new AnswerStream(this.call, this.model, this.usage);
    this.opened = stream;
    return stream;
  }

  override request(credential: string, out: ProviderRequest): boolean {
    const call = this.call;
    const body = new ByteWriter(call.body.length + 1024);
    const translation = new Translation(body, this.capabilities, this.strict);
    let method = "";
    let expressed = false;
    if (call.endpoint === CHAT) {
      method = call.stream ? "streamGenerateContent" : "generateContent";
      expressed = writeRequest(call, translation);
    } else if (this.makesImages()) {
      method = "generateContent";
      expressed = writeImageRequest(call, translation);
    } else {
      const message = "The model `" + call.model + "` serves chat completions, embeddings and images only.";
      translation.problem = invalidRequest(message, "model", "unsupported_endpoint");
    }
    if (!expressed) {
      this.problem = translation.problem;
      return false;
    }
    const streamed = call.endpoint === CHAT && call.stream;
    out.path = methodPath(this.provider, this.model, method, streamed ? "alt=sse" : "");
    out.header("content-type", "application/json");
    out.header("accept", streamed ? "text/event-stream" : "application/json");
    if (credential.length > 0) out.header("x-goog-api-key", credential);
    out.body = body.take();
    return true;
  }

  private makesImages(): boolean {
    return this.call.endpoint === IMAGES || this.call.endpoint === IMAGE_EDITS;
  }

  override response(body: Uint8Array, out: ByteWriter): i32 {
    if (this.makesImages()) return this.image(body, out);
    const answer = wholeAnswer(Json.parse(body));
    const error = findError(answer);
    if (error != null) this.problem = readStreamError(error, this.call.model);
    else if (answer == null || answer.kind !== OBJECT) {
      this.problem = providerError("The provider's answer is not a JSON object.");
    } else {
      this.problem = problemOf(answer);
      if (this.problem == null) writeCompletion(answer, this.call, this.model, this.usage, out);
    }
    return this.problem == null ? REPLACED : FAILED;
  }

  /** The API makes one image a call: the others are calls of their own. */
  override further(credential: string, out: ProviderRequest): boolean {
    if (this.imagesAsked >= imageCount(this.call)) return false;
    out.part = this.imagesAsked++;
    return this.request(credential, out);
  }

  override part(_part: i32, body: Uint8Array, out: ByteWriter): i32 {
    return this.image(body, out);
  }

  /** Takes in the answer of one call for an image. */
  private image(body: Uint8Array, out: ByteWriter): i32 {
    const answer = Json.parse(body);
    const error = findError(answer);
    if (error != null) this.problem = readStreamError(error, this.call.model);
    else if (answer == null || answer.kind !== OBJECT) {
      this.problem = providerError("The provider's answer is not a JSON object.");
    } else this.problem = this.images().take(answer);
    if (this.problem != null) return FAILED;
    if (this.usage.images < imageCount(this.call)) return MORE;
    this.images().write(out);
    return REPLACED;
  }

  private images(): ImageAnswer {
    const opened = this.imageAnswer;
    if (opened != null) return opened;
    const answer = new ImageAnswer(this.call, this.usage);
    this.imageAnswer = answer;
    return answer;
  }

  /** An error may end the stream as bare JSON, without a blank line: the reader is given one, so that it hands it over. */
  override chunk(chunk: Uint8Array, length: i32, last: boolean, out: ByteWriter): i32 {
    if (!last) return super.chunk(chunk, length, false, out);
    const result = super.chunk(chunk, length, false, out);
    return result === FAILED ? FAILED : super.chunk(BLANK_LINE, BLANK_LINE.length, true, out);
  }

  protected override event(reader: SseReader, out: ByteWriter): void {
    this.take(reader.data, reader.dataStart, reader.dataEnd, out);
  }

  /** What has no `data:` may be an error all the same. */
  protected override comment(reader: SseReader, out: ByteWriter): void {
    this.take(reader.bytes, reader.rawStart, reader.rawEnd, out);
  }

  private take(bytes: Uint8Array, start: i32, end: i32, out: ByteWriter): void {
    const stream = this.stream();
    stream.take(bytes, start, end, out);
    this.changed = true;
    this.begun = stream.begun;
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
