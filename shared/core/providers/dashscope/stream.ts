import { ByteWriter } from "../../byte-writer.ts";
import { equalsAscii, startsAscii } from "../../bytes.ts";
import { ClientRequest } from "../../exchange.ts";
import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { Problem, providerError } from "../../problem.ts";
import { SseReader } from "../../sse.ts";
import { estimatePrompt, estimateTokens } from "../../tokens.ts";
import { USAGE_ESTIMATE, USAGE_PROVIDER, Usage } from "../../usage.ts";
import { readUsage } from "../openai/usage.ts";
import { Chunks } from "./chunks.ts";
import { isError, readStreamError } from "./failure.ts";
import { StreamChoice } from "./stream-choice.ts";

/** OpenAI's own bound on `n`. */
const MOST_CHOICES: i32 = 128;
/** How the comment begins that tells an event's status. */
const STATUS: string = ":HTTP_STATUS/";

/**
 * Turns the events of one generation stream into chunks of a chat completion, each as it comes. The end is told when the
 * stream is over: usage may follow the finish reason, and so may an error. Usage has OpenAI's names for images, and is a
 * running total of which the last counts.
 * @see https://help.aliyun.com/en/model-studio/stream
 */
export class GenerationStream {
  /** As in `Exchange`. */
  begun: boolean = false;
  finished: boolean = false;
  problem: Problem | null = null;
  producedBytes: i32 = 0;

  private readonly call: ClientRequest;
  private readonly model: string;
  private readonly incremental: boolean;
  private readonly usage: Usage;
  private readonly chunks: Chunks;
  private readonly choices: Array<StreamChoice> = new Array<StreamChoice>();
  private readonly delta: ByteWriter = new ByteWriter(0);

  constructor(call: ClientRequest, model: string, incremental: boolean, usage: Usage) {
    this.call = call;
    this.model = model;
    this.incremental = incremental;
    this.usage = usage;
    this.chunks = new Chunks(call);
  }

  /** Takes the reader's event. */
  take(reader: SseReader, out: ByteWriter): void {
    const event = Json.parseSpan(reader.data, reader.dataStart, reader.dataEnd);
    const named = equalsAscii(reader.bytes, reader.nameStart, reader.nameEnd, "error");
    if (event == null || event.kind !== OBJECT) {
      // Keep-alives of proxies are no JSON; half an event at a stream's end shows in its missing end.
      if (named) this.problem = providerError("The provider's stream ended in an error.");
      return;
    }
    if (named || isError(event)) {
      this.problem = readStreamError(statusOf(reader), event, this.call.model);
      return;
    }
    const output = event.value("output");
    if (output != null && output.kind === OBJECT) this.takeOutput(event, output, out);
    const usage = event.value("usage");
    if (usage != null && usage.kind === OBJECT) {
      readUsage(usage, this.usage);
      // All that has come so far is in this total: what is left to be estimated, should the stream break, comes after it.
      this.producedBytes = 0;
    }
  }

  private takeOutput(event: Json, output: Json, out: ByteWriter): void {
    if (!this.chunks.isOpen()) this.chunks.open(event.value("request_id"), this.model);
    const choices = output.value("choices");
    if (choices == null) {
      const text = output.value("text");
      if (text != null && text.kind === STRING) this.add(output, 0, out);
      return;
    }
    if (choices.kind !== ARRAY) return;
    let position: i32 = 0;
    let choice = choices.first();
    while (choice != null && this.problem == null) {
      if (choice.kind === OBJECT) this.add(choice, choice.count32("index", position), out);
      position++;
      choice = choice.next;
    }
  }

  /** Passes on what the event adds to the choice. */
  private add(given: Json, index: i32, out: ByteWriter): void {
    const choice = this.choiceAt(index);
    if (choice == null) return;
    choice.writeDelta(given, this.delta.clear());
    if (choice.broken) {
      this.problem = providerError("The provider's stream contradicts what it told before.");
      return;
    }
    // An opening without content tells nothing that a client waits for: errors often follow it at once.
    if (this.delta.length <= 2) return;
    this.begin(choice, out);
    const logprobs = given.value("logprobs");
    this.chunks.delta(index, this.delta, logprobs != null && logprobs.kind === OBJECT ? logprobs : null, out);
    this.producedBytes += choice.addedBytes;
  }

  private choiceAt(index: i32): StreamChoice | null {
    for (let i: i32 = 0; i < this.choices.length; i++) {
      const choice = this.choices[i]!;
      if (choice.index === index) return choice;
    }
    if (this.choices.length >= MOST_CHOICES) {
      this.problem = providerError("The provider's stream has more choices than were asked for.");
      return null;
    }
    const choice = new StreamChoice(index, this.incremental);
    this.choices.push(choice);
    return choice;
  }

  /** The first thing worth telling of a choice: the chunk with the role goes before it. */
  private begin(choice: StreamChoice, out: ByteWriter): void {
    this.begun = true;
    if (choice.opened) return;
    choice.opened = true;
    this.chunks.role(choice.index, out);
  }

  /** The stream is over: what came is an answer if each choice has its finish reason. */
  end(out: ByteWriter): void {
    const choices = this.choices;
    if (choices.length === 0 || choices.length < this.call.json.count32("n", 1)) return;
    for (let i: i32 = 0; i < choices.length; i++) {
      if (choices[i]!.reason.length === 0) return;
    }
    for (let i: i32 = 0; i < choices.length; i++) {
      const choice = choices[i]!;
      this.begin(choice, out);
      choice.writeMissing(this.delta.clear());
      if (this.delta.length > 2) this.chunks.delta(choice.index, this.delta, null, out);
      this.chunks.finish(choice.index, choice.finishReason(), out);
    }
    const usage = this.usage;
    if (usage.source !== USAGE_PROVIDER) {
      usage.prompt = estimatePrompt(this.call.json);
      usage.completion = estimateTokens(this.producedBytes);
      usage.source = USAGE_ESTIMATE;
    }
    this.chunks.end(usage, out);
    this.finished = true;
  }
}

/** What a comment of the event says its status is; 0 when none does. */
function statusOf(reader: SseReader): i32 {
  const bytes = reader.bytes;
  let lineStart = true;
  for (let at = reader.rawStart; at < reader.rawEnd; at++) {
    if (lineStart && startsAscii(bytes, at, reader.rawEnd, STATUS)) return threeDigits(bytes, at + STATUS.length);
    const c = bytes[at] as i32;
    lineStart = c === 10 || c === 13;
  }
  return 0;
}

function threeDigits(bytes: Uint8Array, from: i32): i32 {
  if (from + 3 > bytes.length) return 0;
  let value: i32 = 0;
  for (let i: i32 = 0; i < 3; i++) {
    const c = bytes[from + i] as i32;
    if (c < 48 || c > 57) return 0;
    value = value * 10 + (c - 48);
  }
  return value;
}
