import { ByteWriter } from "../../byte-writer.ts";
import { equalsAscii, startsAscii } from "../../bytes.ts";
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
import { ARRAY, Json, OBJECT } from "../../json.ts";
import { skipSpace } from "../../json-scan.ts";
import { JsonWriter } from "../../json-writer.ts";
import { invalidRequest, Problem, providerError } from "../../problem.ts";
import { SseReader } from "../../sse.ts";
import { SseExchange } from "../../sse-exchange.ts";
import { estimatePrompt, estimateTokens } from "../../tokens.ts";
import { RequestTranslation } from "../../translation.ts";
import { USAGE_ESTIMATE } from "../../usage.ts";
import { isAnnotation, isAnswer, isDeltaMissing, isError, isGivenUp, writeAnswer, writeUsageEvent } from "./answer.ts";
import { azureModel, refusesUsage } from "./azure.ts";
import { ChosenTools, EVERY_CHOICE } from "./chosen-tools.ts";
import { Dialect, dialectOf } from "./dialect.ts";
import { EventScan } from "./event.ts";
import { readFailure, readStreamError } from "./failure.ts";
import { writeForm } from "./form.ts";
import { Gates } from "./gates.ts";
import { requestPath } from "./path.ts";
import { writeRequest } from "./request.ts";
import { readUsage } from "./usage.ts";

const DONE_SIZE: i32 = 6;

/** One event is read at a time, whatever the exchange. */
const eventScan: EventScan = new EventScan();

/** A provider that speaks OpenAI's wire format: bytes go through as they are wherever they may. */
export class OpenAiExchange extends SseExchange {
  private readonly dialect: Dialect;
  private finishes: i32 = 0;
  /** The last event went to the client in its own bytes. */
  private passed: boolean = true;
  /** Usage that came beside a choice, as the event that it is for OpenAI's clients. */
  private usageEvent: ByteWriter | null = null;

  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
    this.dialect = dialectOf(provider.kind);
  }

  override request(credential: string, out: ProviderRequest): boolean {
    const dialect = this.dialect;
    const form = this.call.form;
    if (form != null && !dialect.editsImages) {
      const message = "The model `" + this.call.model + "` edits no images.";
      this.problem = invalidRequest(message, "model", "unsupported_endpoint");
      return false;
    }
    const gates = Gates.of(this.call.json, this.capabilities, this.strict);
    if (gates != null && gates.problem != null) {
      this.problem = gates.problem;
      return false;
    }
    const tools = this.chosenTools();
    if (this.problem != null) return false;
    out.path = requestPath(this, dialect);
    out.header("content-type", form == null ? "application/json" : form.contentType());
    if (credential.length > 0) {
      const bearer = dialect.credentialHeader === "authorization";
      out.header(dialect.credentialHeader, bearer ? "Bearer " + credential : credential);
    }
    const azure = dialect.kind === "azure";
    const provider = this.provider;
    const silent = provider.refuses("include_usage") || (azure && refusesUsage(provider));
    const model = azure ? azureModel(provider, this.model) : this.model;
    out.body = form == null ? writeRequest(this.call, model, silent, gates, tools) : writeForm(this.call, form, model);
    return true;
  }

  /** The tools in terms that the server understands; null when they pass as they are, or cannot be told (`problem`). */
  private chosenTools(): ChosenTools | null {
    const reading = this.dialect.toolChoice;
    if (reading === EVERY_CHOICE || this.call.endpoint !== CHAT) return null;
    const t = new RequestTranslation(new ByteWriter(0), this.capabilities, this.strict);
    const tools = ChosenTools.of(this.call.json, reading, t);
    this.problem = t.problem;
    return tools;
  }

  override response(body: Uint8Array, out: ByteWriter): i32 {
    const answer = Json.parse(body);
    if (answer == null || answer.kind !== OBJECT) {
      this.problem = providerError("The provider's answer is not a JSON object.");
      return FAILED;
    }
    if (isError(answer)) {
      this.problem = this.streamError(answer);
      return FAILED;
    }
    if (!isAnswer(answer, this.call.endpoint)) {
      this.problem = providerError("The provider's answer holds nothing that was asked for.");
      return FAILED;
    }
    const usage = answer.value("usage");
    if (usage != null && usage.kind === OBJECT) readUsage(usage, this.usage);
    else this.estimate(answer);
    if (this.makesImages()) {
      const data = answer.value("data");
      this.usage.images = data != null && data.kind === ARRAY ? data.count() : 0;
    }
    return this.dialect.ownFields ? this.putRight(answer, out) : PASS;
  }

  private makesImages(): boolean {
    return this.call.endpoint === IMAGES || this.call.endpoint === IMAGE_EDITS;
  }

  /** Looks at what the dialect may have in an answer that is OpenAI's otherwise. */
  private putRight(answer: Json, out: ByteWriter): i32 {
    const scan = eventScan;
    scan.read(answer.source, answer.start, answer.end);
    if (scan.broken && isGivenUp(answer)) {
      this.problem = givenUp();
      return FAILED;
    }
    if (!scan.ownFields) return PASS;
    writeAnswer(answer, false, false, new JsonWriter(out));
    return REPLACED;
  }

  private estimate(answer: Json): void {
    let bytes: i32 = 0;
    const choices = answer.value("choices");
    let choice: Json | null = null;
    if (choices != null) choice = choices.first();
    while (choice != null) {
      bytes += choice.end - choice.start;
      choice = choice.next;
    }
    this.usage.prompt = estimatePrompt(this.call.json);
    this.usage.completion = estimateTokens(bytes);
    this.usage.source = USAGE_ESTIMATE;
  }

  protected override comment(reader: SseReader, out: ByteWriter): void {
    // The second half of a line end goes where its event went; and nothing follows the end of the answer.
    const half = reader.rawEnd - reader.rawStart === 1;
    if (half ? !this.passed : this.finished) {
      this.changed = true;
      return;
    }
    out.copy(reader.bytes, reader.rawStart, reader.rawEnd);
  }

  protected override event(reader: SseReader, out: ByteWriter): void {
    this.passed = false;
    if (this.finished) {
      this.changed = true;
      return;
    }
    const data = reader.data;
    const start = reader.dataStart;
    const end = reader.dataEnd;
    if (startsAscii(data, start, end, "[DONE]")) {
      if (!this.begun) {
        this.problem = providerError("The provider's stream holds no answer.");
        return;
      }
      this.finished = true;
      this.tellUsage(out);
      if (end - start === DONE_SIZE) this.pass(reader, out);
      else {
        // Some servers end it with spaces, some clients compare it to the letter.
        this.changed = true;
        out.ascii("data: [DONE]\n\n");
      }
      return;
    }
    if (!isObject(data, start, end) || (reader.unterminated && Json.parseSpan(data, start, end) == null)) {
      // A keep-alive that pretends to be data, or half an event, as the connection broke in the middle of it.
      this.changed = true;
      return;
    }
    if (this.makesImages()) {
      this.imageEvent(reader, out);
      return;
    }
    const scan = eventScan;
    scan.read(data, start, end);
    const named = reader.nameEnd > reader.nameStart;
    if (scan.error || scan.usage || !this.begun || named || this.isOdd(scan)) {
      if (!this.inspect(reader, scan, out)) return;
    }
    this.begun = true;
    this.finishes += scan.finishes;
    this.producedBytes += scan.answerBytes;
    this.pass(reader, out);
  }

  /**
   * An event of a stream of images: they have names, parts of an image and whole ones, and no end but the stream's.
   * @see https://platform.openai.com/docs/api-reference/images-streaming
   */
  private imageEvent(reader: SseReader, out: ByteWriter): void {
    const event = Json.parseSpan(reader.data, reader.dataStart, reader.dataEnd);
    if (event == null || isError(event)) {
      this.problem = event == null ? givenUp() : this.streamError(event);
      return;
    }
    const usage = event.value("usage");
    if (usage != null && usage.kind === OBJECT) readUsage(usage, this.usage);
    if (event.string("type", "").endsWith(".completed")) {
      this.finishes++;
      this.usage.images = this.finishes;
    }
    this.begun = true;
    this.pass(reader, out);
  }

  /** Whether the event may hold what OpenAI's do not, or lack what they have. */
  private isOdd(scan: EventScan): boolean {
    if (scan.broken || (scan.ownFields && this.dialect.ownFields)) return true;
    return !scan.delta && this.call.endpoint === CHAT;
  }

  /** A closer look at an event; false when it has been dealt with. */
  private inspect(reader: SseReader, scan: EventScan, out: ByteWriter): boolean {
    const chunk = Json.parseSpan(reader.data, reader.dataStart, reader.dataEnd);
    if (chunk == null || chunk.kind !== OBJECT) {
      if (this.begun) return true;
      this.problem = providerError("The provider's stream does not begin with a JSON object.");
      return false;
    }
    if (isError(chunk) || equalsAscii(reader.bytes, reader.nameStart, reader.nameEnd, "error")) {
      this.problem = this.streamError(chunk);
      return false;
    }
    if (scan.broken && isGivenUp(chunk)) {
      this.problem = givenUp();
      return false;
    }
    const choices = chunk.value("choices");
    const idle = choices != null && choices.kind === ARRAY && choices.first() == null;
    const usage = chunk.value("usage");
    const told = usage != null && usage.kind === OBJECT;
    if (told && usage != null) readUsage(usage, this.usage);
    const hidden = told && !this.call.includeUsage;
    const apart = told && !hidden && !idle && !this.asksRunningTotals();
    if (told) this.usageEvent = null;
    if (apart) this.holdUsage(chunk);
    const chat = this.call.endpoint === CHAT;
    // Azure's opening event tells of its filters alone, under an empty id: no event of OpenAI's.
    const opening = idle && !told && chunk.value("prompt_filter_results") != null;
    if ((hidden && idle) || (apart && choices == null) || opening || (chat && !hidden && isAnnotation(chunk))) {
      this.changed = true;
      return false;
    }
    const own = scan.ownFields && this.dialect.ownFields;
    if (!hidden && !apart && !own && !(chat && isDeltaMissing(chunk))) return true;
    this.changed = true;
    this.finishes += scan.finishes;
    this.producedBytes += scan.answerBytes;
    this.begun = true;
    out.ascii("data: ");
    writeAnswer(chunk, chat, hidden || apart, new JsonWriter(out));
    out.ascii("\n\n");
    return false;
  }

  /** vLLM's running totals belong to each event, for a client that asks for them by name. */
  private asksRunningTotals(): boolean {
    const options = this.call.json.value("stream_options");
    return options != null && options.flag("continuous_usage_stats");
  }

  /**
   * OpenAI tells usage in an event of its own behind the last choice; older releases of llama.cpp and some compatible servers
   * put it on the event of a choice.
   */
  private holdUsage(chunk: Json): void {
    const event = new ByteWriter(256);
    writeUsageEvent(chunk, this.call.endpoint === CHAT, new JsonWriter(event));
    this.usageEvent = event;
  }

  private tellUsage(out: ByteWriter): void {
    const event = this.usageEvent;
    if (event == null) return;
    this.changed = true;
    out.ascii("data: ").writer(event).ascii("\n\n");
  }

  private pass(reader: SseReader, out: ByteWriter): void {
    if (reader.replaced) {
      out.ascii("data: ").copy(reader.data, reader.dataStart, reader.dataEnd).ascii("\n\n");
      return;
    }
    this.passed = true;
    out.copy(reader.bytes, reader.rawStart, reader.rawEnd);
    if (!reader.unterminated) return;
    this.changed = true;
    out.ascii("\n\n");
  }

  /** Every choice has its finish reason: such an answer is whole, though the server left out `[DONE]`. */
  protected override ended(out: ByteWriter): void {
    if (this.finished || this.finishes === 0 || this.finishes < this.call.json.count32("n", 1)) return;
    this.finished = true;
    if (this.makesImages()) return;
    this.changed = true;
    this.tellUsage(out);
    out.ascii("data: [DONE]\n\n");
  }

  /** An error inside an answer of status 200; a vendor may have codes of its own. */
  protected streamError(root: Json): Problem {
    return readStreamError(root, this.call.model);
  }

  override failure(status: i32, body: Uint8Array, retryAfter: string): Problem {
    return readFailure(status, body, retryAfter, this.call.model);
  }
}

function givenUp(): Problem {
  return providerError("The provider gave the answer up.");
}

/** Whether an object begins here, to look no further at each event of a stream. */
function isObject(data: Uint8Array, start: i32, end: i32): boolean {
  const at = skipSpace(data, start, end);
  return at < end && (data[at] as i32) === 0x7b;
}
