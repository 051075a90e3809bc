import { ByteWriter } from "../../byte-writer.ts";
import { NO_BYTES, sliceBytes } from "../../bytes.ts";
import { ClientRequest } from "../../exchange.ts";
import { Json, OBJECT, STRING } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { Problem, providerError } from "../../problem.ts";
import { encodeUtf8 } from "../../text.ts";
import { estimatePrompt, estimateTokens } from "../../tokens.ts";
import { USAGE_ESTIMATE, USAGE_PROVIDER, Usage } from "../../usage.ts";
import { Chunks } from "./chunks.ts";
import { Delta, INPUT_DELTA, NO_DELTA, TEXT_DELTA } from "./delta.ts";
import { readStreamError } from "./failure.ts";
import { finishReason, refusalText } from "./finish-reason.ts";
import { mergeUsage, readUsage } from "./usage.ts";

/** More blocks open at a time mean a stream gone wrong. */
const MOST_OPEN: i32 = 256;
/** `{}` */
const NO_ARGUMENTS: Uint8Array = encodeUtf8("{}");

/** A `tool_use` block that has not ended. */
class OpenCall {
  /** The number of the content block. */
  readonly index: i32;
  /** The number of the call: OpenAI counts calls, not blocks. */
  readonly position: i32;
  /** The input as the block's start gave it; sent when no delta brings another. */
  readonly input: Uint8Array;
  /** A part of the arguments was sent. */
  sent: boolean = false;

  constructor(index: i32, position: i32, input: Uint8Array) {
    this.index = index;
    this.position = position;
    this.input = input;
  }
}

/**
 * Turns the events of one Messages stream into chunks of a chat completion, each as it comes. The end of the answer is held
 * until the provider says that it was the end, so that no error after it can look like success.
 * @see https://platform.claude.com/docs/en/build-with-claude/streaming
 */
export class MessageStream {
  /** As in `Exchange`. */
  begun: boolean = false;
  finished: boolean = false;
  problem: Problem | null = null;
  producedBytes: i32 = 0;

  private readonly call: ClientRequest;
  private readonly model: string;
  private readonly usage: Usage;
  private readonly chunks: Chunks;
  private readonly delta: Delta = new Delta();
  private readonly calls: Array<OpenCall> = new Array<OpenCall>();
  private callCount: i32 = 0;
  /** OpenAI's, once the provider has told its stop reason. */
  private reason: string = "";
  private refusal: string = "";

  constructor(call: ClientRequest, model: string, usage: Usage) {
    this.call = call;
    this.model = model;
    this.usage = usage;
    this.chunks = new Chunks(call);
  }

  /** Takes the event whose data is `bytes[start, end)`. */
  take(bytes: Uint8Array, start: i32, end: i32, out: ByteWriter): void {
    if (this.finished) return;
    if (this.delta.scan(bytes, start, end)) {
      this.add(bytes, out);
      return;
    }
    const event = Json.parseSpan(bytes, start, end);
    // Keep-alives of proxies are no JSON; half an event at a stream's end shows in its missing end.
    if (event == null || event.kind !== OBJECT) return;
    const type = event.value("type");
    if (type == null) {
      if (event.value("error") != null) this.problem = readStreamError(event, this.call.model);
      return;
    }
    if (type.is("content_block_delta")) {
      this.delta.read(event);
      this.add(bytes, out);
    } else if (type.is("content_block_start")) this.startBlock(event, out);
    else if (type.is("content_block_stop")) this.endCall(event.count32("index", 0), out);
    else if (type.is("message_start")) this.open(event.value("message"));
    else if (type.is("message_delta")) this.takeEnding(event, out);
    else if (type.is("message_stop")) this.finish(out);
    else if (type.is("error")) this.problem = readStreamError(event, this.call.model);
  }

  /** The message's head tells nothing that a client waits for: errors often follow it at once. */
  private open(message: Json | null): void {
    if (!this.chunks.isOpen()) this.chunks.open(message, this.model);
    const usage = memberOf(message, "usage");
    if (usage == null || usage.kind !== OBJECT) return;
    this.takeUsage(usage);
    // The output that it tells is a guess.
    this.usage.source = USAGE_ESTIMATE;
  }

  private takeUsage(usage: Json): void {
    readUsage(mergeUsage(this.usage.raw, usage), this.usage);
  }

  /** The first thing worth telling: the chunk with the role goes before it. */
  private begin(out: ByteWriter): void {
    if (this.begun) return;
    this.begun = true;
    if (!this.chunks.isOpen()) this.chunks.open(null, this.model);
    this.chunks.role(out);
  }

  /** Passes on what the delta added. */
  private add(bytes: Uint8Array, out: ByteWriter): void {
    this.begin(out);
    const delta = this.delta;
    if (delta.kind === NO_DELTA || delta.start === delta.end) return;
    if (delta.kind === INPUT_DELTA) {
      const call = this.openCall(delta.index);
      if (call == null) return;
      call.sent = true;
      this.chunks.callArguments(call.position, bytes, delta.start, delta.end, out);
    } else if (delta.kind === TEXT_DELTA) this.chunks.content(bytes, delta.start, delta.end, out);
    else this.chunks.reasoning(bytes, delta.start, delta.end, out);
    this.producedBytes += delta.end - delta.start;
  }

  private startBlock(event: Json, out: ByteWriter): void {
    this.begin(out);
    const block = event.value("content_block");
    if (block == null) return;
    const type = block.value("type");
    if (type == null) return;
    if (type.is("tool_use")) this.startCall(event.count32("index", 0), block, out);
    else if (type.is("text")) this.startText(block.value("text"), false, out);
    else if (type.is("thinking")) this.startText(block.value("thinking"), true, out);
  }

  /** A block may bring text with its start. */
  private startText(text: Json | null, thinking: boolean, out: ByteWriter): void {
    if (text == null || text.kind !== STRING || text.isEmpty()) return;
    if (thinking) this.chunks.reasoning(text.source, text.start, text.end, out);
    else this.chunks.content(text.source, text.start, text.end, out);
    this.producedBytes += text.end - text.start;
  }

  private startCall(index: i32, block: Json, out: ByteWriter): void {
    if (this.calls.length >= MOST_OPEN) {
      this.problem = providerError("The provider's stream opens more tool calls than it closes.");
      return;
    }
    this.endCall(index, out);
    const position = this.callCount;
    this.callCount++;
    // An answer in the old way has room for one call.
    if (this.chunks.oldWay && position > 0) return;
    const input = block.value("input");
    const given = input != null && input.kind === OBJECT && !input.isEmpty();
    this.calls.push(
      new OpenCall(
        index,
        position,
        given && input != null ? sliceBytes(input.source, input.start, input.end) : NO_BYTES,
      ),
    );
    this.chunks.startCall(position, block.value("id"), block.value("name"), out);
  }

  private openCall(index: i32): OpenCall | null {
    for (let i: i32 = 0; i < this.calls.length; i++) {
      const call = this.calls[i]!;
      if (call.index === index) return call;
    }
    return null;
  }

  /** The block ends: a call that brought no arguments in parts has them from its start, or has none. */
  private endCall(index: i32, out: ByteWriter): void {
    for (let i: i32 = 0; i < this.calls.length; i++) {
      if (this.calls[i]!.index === index) {
        this.endCallAt(i, out);
        return;
      }
    }
  }

  private endCallAt(at: i32, out: ByteWriter): void {
    const call = this.calls[at]!;
    this.calls.splice(at, 1);
    if (call.sent) return;
    if (call.input.length > 0) {
      this.producedBytes += call.input.length;
      this.chunks.callInput(call.position, call.input, out);
    } else this.chunks.callInput(call.position, NO_ARGUMENTS, out);
  }

  /** `message_delta`: the stop reason, and usage so far (totals, not differences). */
  private takeEnding(event: Json, out: ByteWriter): void {
    this.begin(out);
    const usage = event.value("usage");
    if (usage != null && usage.kind === OBJECT) this.takeUsage(usage);
    const delta = event.value("delta");
    if (delta == null) return;
    const stopReason = delta.value("stop_reason");
    if (stopReason == null) return;
    this.reason = finishReason(stopReason);
    if (stopReason.is("refusal")) this.refusal = refusalText(delta.value("stop_details"));
  }

  /** The stream is over: whether what came is an answer though its last event is missing. */
  end(out: ByteWriter): void {
    if (!this.finished && this.reason.length > 0) this.finish(out);
  }

  private finish(out: ByteWriter): void {
    this.begin(out);
    while (this.calls.length > 0) this.endCallAt(0, out);
    if (this.refusal.length > 0) this.chunks.refusal(this.refusal, out);
    const usage = this.usage;
    if (usage.source !== USAGE_PROVIDER) {
      const estimate = estimateTokens(this.producedBytes);
      if (usage.prompt === 0) usage.prompt = estimatePrompt(this.call.json);
      if (usage.completion < estimate) usage.completion = estimate;
      usage.source = USAGE_ESTIMATE;
    }
    this.chunks.finish(this.finishReason(), usage, out);
    this.finished = true;
  }

  private finishReason(): string {
    let reason = this.reason;
    if (reason.length === 0) reason = this.callCount > 0 ? "tool_calls" : "stop";
    if (reason !== "tool_calls") return reason;
    return this.callCount === 0 ? "stop" : this.chunks.oldWay ? "function_call" : reason;
  }
}
