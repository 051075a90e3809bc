import { ByteWriter } from "../../byte-writer.ts";
import { ClientRequest } from "../../exchange.ts";
import { Json, OBJECT } from "../../json.ts";
import { firstOf } from "../../json-path.ts";
import { Problem, providerError } from "../../problem.ts";
import { estimatePrompt, estimateTokens } from "../../tokens.ts";
import { USAGE_ESTIMATE, USAGE_PROVIDER, Usage } from "../../usage.ts";
import { callOf, firstPart, textOf } from "./answer.ts";
import { Chunks } from "./chunks.ts";
import { Delta } from "./delta.ts";
import { findError, readStreamError } from "./failure.ts";
import { BROKEN, blockedText, blockReason, finishReason, isUnexplained, withheldText } from "./finish-reason.ts";
import { brokenAnswer } from "./response.ts";
import { countUsage, readUsage } from "./usage.ts";

/** A stream with more choices has gone wrong: the API gives 8 at most. */
const MOST_CHOICES: i32 = 128;

/** What is known of one candidate. */
class Choice {
  readonly index: i32;
  /** OpenAI's; empty until the provider has told its reason. */
  reason: string = "";
  refusal: string = "";
  spoke: boolean = false;
  callCount: i32 = 0;
  /** Its chunk with the role was sent. */
  opened: boolean = false;

  constructor(index: i32) {
    this.index = index;
  }
}

/**
 * Turns the events of one `streamGenerateContent` into chunks of a chat completion, each as it comes. The API marks no end:
 * the stream is complete when it is over and each candidate has told its reason, so the end of the answer is held until then.
 * @see https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
 */
export class AnswerStream {
  /** As in `Exchange`. */
  begun: boolean = false;
  finished: boolean = false;
  problem: Problem | null = null;
  producedBytes: i32 = 0;

  private readonly call: ClientRequest;
  private readonly model: string;
  private readonly usage: Usage;
  private readonly delta: Delta = new Delta();
  private chunks: Chunks | null = null;
  private readonly choices: Array<Choice> = new Array<Choice>();
  private callCount: i32 = 0;

  constructor(call: ClientRequest, model: string, usage: Usage) {
    this.call = call;
    this.model = model;
    this.usage = usage;
  }

  /** Takes an event, or what else came: its data is `bytes[start, end)`. */
  take(bytes: Uint8Array, start: i32, end: i32, out: ByteWriter): void {
    // The first event goes the long way: its names are those of all chunks.
    if (this.chunks != null && this.delta.scan(bytes, start, end)) {
      this.takeDelta(bytes, out);
      return;
    }
    const event = Json.parseSpan(bytes, start, end);
    // Keep-alives of proxies are no JSON; half an event at a stream's end shows in its missing end.
    if (event == null) return;
    const error = findError(event);
    if (error != null) {
      this.problem = readStreamError(error, this.call.model);
      return;
    }
    if (event.kind !== OBJECT) return;
    const counts = event.value("usageMetadata");
    if (counts != null && counts.kind === OBJECT) readUsage(counts, this.usage);
    let position: i32 = 0;
    let candidate = firstOf(event.value("candidates"));
    while (candidate != null && this.problem == null) {
      if (candidate.kind === OBJECT) this.takeCandidate(candidate, position, event, out);
      position++;
      candidate = candidate.next;
    }
    const blocked = blockReason(event);
    if (blocked.length > 0 && this.choices.length === 0) {
      const choice = this.choiceAt(0, event);
      choice.reason = "content_filter";
      choice.refusal = blockedText(blocked);
    }
  }

  private takeDelta(bytes: Uint8Array, out: ByteWriter): void {
    const delta = this.delta;
    if (delta.countsEnd > 0) countUsage(bytes, delta.countsStart, delta.countsEnd, this.usage);
    const choice = this.choiceOf(delta.index);
    const length = delta.end - delta.start;
    if (length === 0) return;
    const chunks = this.begin(choice, out);
    if (delta.thought) chunks.reasoning(choice.index, bytes, delta.start, delta.end, out);
    else {
      chunks.content(choice.index, bytes, delta.start, delta.end, null, out);
      choice.spoke = true;
    }
    this.producedBytes += length;
  }

  private choiceAt(index: i32, event: Json): Choice {
    if (this.chunks == null) this.chunks = new Chunks(this.call, event, this.model);
    return this.choiceOf(index);
  }

  private choiceOf(index: i32): Choice {
    for (let i: i32 = 0; i < this.choices.length; i++) {
      if (this.choices[i]!.index === index) return this.choices[i]!;
    }
    const choice = new Choice(index);
    this.choices.push(choice);
    return choice;
  }

  private takeCandidate(candidate: Json, position: i32, event: Json, out: ByteWriter): void {
    const choice = this.choiceAt(candidate.count32("index", position), event);
    if (this.choices.length > MOST_CHOICES) {
      this.problem = providerError("The provider's stream holds too many candidates.");
      return;
    }
    const told = candidate.value("finishReason");
    const reason = told == null ? "" : finishReason(told);
    if (told != null && reason === BROKEN) {
      this.problem = brokenAnswer(told.text());
      return;
    }
    this.takeParts(candidate, choice, out);
    if (told == null || reason.length === 0) return;
    if (isUnexplained(told) && !choice.spoke && choice.callCount === 0) {
      this.problem = brokenAnswer(told.text());
      return;
    }
    choice.reason = reason;
    if (reason === "content_filter" && !choice.spoke) choice.refusal = withheldText(told.text());
  }

  private takeParts(candidate: Json, choice: Choice, out: ByteWriter): void {
    let told = false;
    let part = firstPart(candidate);
    while (part != null) {
      const call = callOf(part);
      const text = textOf(part);
      if (call != null) this.takeCall(part, call, choice, out);
      else if (text != null) {
        const chunks = this.begin(choice, out);
        if (part.flag("thought")) chunks.reasoning(choice.index, text.source, text.start, text.end, out);
        else {
          chunks.content(choice.index, text.source, text.start, text.end, told ? null : candidate, out);
          told = true;
          choice.spoke = true;
        }
        this.producedBytes += text.end - text.start;
      }
      part = part.next;
    }
  }

  private takeCall(part: Json, call: Json, choice: Choice, out: ByteWriter): void {
    const position = choice.callCount;
    choice.callCount++;
    const chunks = this.begin(choice, out);
    // An answer in the old way has room for one call.
    if (position > 0 && chunks.oldWay) return;
    chunks.functionCall(choice.index, position, this.callCount, part, call, out);
    this.callCount++;
    this.producedBytes += call.end - call.start;
  }

  /** The first thing worth telling of a choice: the chunk with its role goes before it. */
  private begin(choice: Choice, out: ByteWriter): Chunks {
    this.begun = true;
    const chunks = this.chunks!;
    if (!choice.opened) {
      choice.opened = true;
      chunks.role(choice.index, out);
    }
    return chunks;
  }

  /** The stream is over: if each candidate has told its reason, the answer is complete. */
  end(out: ByteWriter): void {
    if (this.finished || this.problem != null || this.choices.length === 0) return;
    for (let i: i32 = 0; i < this.choices.length; i++) {
      if (this.choices[i]!.reason.length === 0) return;
    }
    for (let i: i32 = 0; i < this.choices.length; i++) {
      const choice = this.choices[i]!;
      const chunks = this.begin(choice, out);
      if (choice.refusal.length > 0) chunks.refusal(choice.index, choice.refusal, out);
      const calls = choice.callCount > 0 && choice.reason === "stop";
      chunks.finish(choice.index, calls ? (chunks.oldWay ? "function_call" : "tool_calls") : choice.reason, out);
    }
    const usage = this.usage;
    if (usage.source !== USAGE_PROVIDER) {
      usage.prompt = estimatePrompt(this.call.json);
      usage.completion = estimateTokens(this.producedBytes);
      usage.source = USAGE_ESTIMATE;
    }
    this.chunks!.end(usage, out);
    this.finished = true;
  }
}
