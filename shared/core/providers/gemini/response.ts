import { ByteWriter } from "../../byte-writer.ts";
import { ClientRequest } from "../../exchange.ts";
import { ARRAY, Json, OBJECT } from "../../json.ts";
import { firstOf } from "../../json-path.ts";
import { JsonWriter } from "../../json-writer.ts";
import { Problem, providerError } from "../../problem.ts";
import { estimatePrompt, estimateTokens } from "../../tokens.ts";
import { USAGE_ESTIMATE, Usage } from "../../usage.ts";
import {
  answersOldWay,
  CallWriter,
  callOf,
  countCalls,
  firstPart,
  saysSomething,
  textOf,
  writeId,
  writeModel,
} from "./answer.ts";
import { BROKEN, blockedText, blockReason, finishReason, isUnexplained, withheldText } from "./finish-reason.ts";
import { writeLogprobs } from "./logprobs.ts";
import { readUsage, writeUsage } from "./usage.ts";

/** Why the answer cannot be shown as a completion, or null. */
export function problemOf(answer: Json): Problem | null {
  const candidates = answer.value("candidates");
  if (candidates == null || candidates.kind !== ARRAY || candidates.isEmpty()) {
    return blockReason(answer).length > 0 ? null : providerError("The provider's answer holds no candidate.");
  }
  let candidate = candidates.first();
  while (candidate != null) {
    if (candidate.kind !== OBJECT) return providerError("The provider's answer holds no candidate.");
    const reason = candidate.value("finishReason");
    if (reason != null && isBroken(candidate, reason)) return brokenAnswer(reason.text());
    candidate = candidate.next;
  }
  return null;
}

function isBroken(candidate: Json, reason: Json): boolean {
  if (finishReason(reason) === BROKEN) return true;
  return isUnexplained(reason) && !saysSomething(candidate, false) && countCalls(candidate) === 0;
}

/** The model did not bring about an answer: another try may. */
export function brokenAnswer(reason: string): Problem {
  return providerError("The provider gave no usable answer (" + reason + ").");
}

/**
 * Writes the answer as a chat completion and takes down its usage. Parts that OpenAI has nothing for are left out.
 * @see https://ai.google.dev/api/generate-content#generatecontentresponse
 * @see https://platform.openai.com/docs/api-reference/chat/object
 */
export function writeCompletion(answer: Json, call: ClientRequest, model: string, usage: Usage, out: ByteWriter): void {
  const w = new JsonWriter(out).object();
  writeId(answer, call, w.key("id"));
  w.key("object").string("chat.completion").key("created").int(call.created);
  writeModel(answer, model, w.key("model"));
  w.key("choices").array();
  const writer = new ChoiceWriter(call, answer, w);
  let index: i32 = 0;
  let candidate = firstOf(answer.value("candidates"));
  if (candidate == null) writer.writeBlocked(blockedText(blockReason(answer)));
  while (candidate != null) {
    writer.write(candidate, candidate.count32("index", index));
    index++;
    candidate = candidate.next;
  }
  w.end();
  const counts = answer.value("usageMetadata");
  if (counts != null && counts.kind === OBJECT) readUsage(counts, usage);
  else {
    usage.prompt = estimatePrompt(call.json);
    usage.completion = estimateTokens(writer.producedBytes);
    usage.source = USAGE_ESTIMATE;
  }
  writeUsage(usage, w.key("usage"));
  w.key("system_fingerprint").nil().end();
}

class ChoiceWriter {
  private readonly w: JsonWriter;
  private readonly calls: CallWriter;
  private readonly oldWay: boolean;
  /** Calls of all choices, for their ids. */
  private callCount: i32 = 0;
  /** Of all choices: bytes of text, thoughts and calls. */
  producedBytes: i32 = 0;

  constructor(call: ClientRequest, answer: Json, w: JsonWriter) {
    this.w = w;
    this.calls = new CallWriter(call, answer);
    this.oldWay = answersOldWay(call);
  }

  /** The one choice for a prompt that was not answered. */
  writeBlocked(refusal: string): void {
    const w = this.w;
    this.open(0);
    w.key("content").nil().key("refusal").string(refusal).end();
    w.key("logprobs").nil().key("finish_reason").string("content_filter").end();
  }

  private open(index: i32): void {
    this.w.object().key("index").int(index).key("message").object().key("role").string("assistant");
  }

  write(candidate: Json, index: i32): void {
    const w = this.w;
    const told = candidate.value("finishReason");
    let reason = told == null ? "stop" : finishReason(told);
    const calls = countCalls(candidate);
    const filtered = reason === "content_filter";
    const speaks = saysSomething(candidate, false);
    this.open(index);
    w.key("content");
    if (speaks) this.writeJoined(candidate, false);
    else if (calls > 0 || filtered) w.nil();
    else w.string("");
    w.key("refusal");
    if (filtered && !speaks && told != null) w.string(withheldText(told.text()));
    else w.nil();
    if (saysSomething(candidate, true)) {
      w.key("reasoning_content");
      this.writeJoined(candidate, true);
    }
    if (calls > 0) {
      this.writeCalls(candidate);
      if (reason === "stop") reason = this.oldWay ? "function_call" : "tool_calls";
    }
    w.end().key("logprobs");
    writeLogprobs(candidate, w);
    w.key("finish_reason").string(reason).end();
  }

  /** Writes the texts of all parts as one string, in the provider's spelling: those that are thoughts, or the others. */
  private writeJoined(candidate: Json, thoughts: boolean): void {
    const out = this.w.raw('"').out;
    let part = firstPart(candidate);
    while (part != null) {
      const text = textOf(part);
      if (text != null && part.flag("thought") === thoughts) {
        this.producedBytes += text.end - text.start;
        out.copy(text.source, text.start, text.end);
      }
      part = part.next;
    }
    out.byte(0x22);
  }

  private writeCalls(candidate: Json): void {
    const w = this.w;
    w.key(this.oldWay ? "function_call" : "tool_calls");
    if (!this.oldWay) w.array();
    let first = true;
    let part = firstPart(candidate);
    while (part != null) {
      const call = callOf(part);
      // An answer in the old way has room for one call.
      if (call != null && (first || !this.oldWay)) {
        first = false;
        this.producedBytes += call.end - call.start;
        w.object();
        if (this.oldWay) this.calls.writeFunction(call, w);
        else this.calls.writeCall(part, call, this.callCount++, w);
        w.end();
      }
      part = part.next;
    }
    if (!this.oldWay) w.end();
  }
}
