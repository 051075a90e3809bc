import { ByteWriter } from "../../byte-writer.ts";
import { ClientRequest } from "../../exchange.ts";
import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { firstOf, memberOf } from "../../json-path.ts";
import { JsonWriter } from "../../json-writer.ts";
import { estimatePrompt, estimateTokens } from "../../tokens.ts";
import { USAGE_ESTIMATE, Usage } from "../../usage.ts";
import { readUsage } from "../openai/usage.ts";
import { contentOf, copyText, finishReason, writeArguments } from "./answer.ts";
import { writeUsage } from "./usage.ts";

/** What a call says that has no arguments: clients parse it. */
export const NO_ARGUMENTS: string = "{}";

/** Whether the answer holds choices, or the bare text of `result_format: text`. */
export function isGeneration(answer: Json): boolean {
  const output = answer.value("output");
  const choices = memberOf(output, "choices");
  if (choices != null) return choices.kind === ARRAY && !choices.isEmpty();
  const text = memberOf(output, "text");
  return text != null && text.kind === STRING;
}

/**
 * Writes the generation as a chat completion and takes down its usage.
 * @see https://help.aliyun.com/en/model-studio/qwen-api-via-dashscope
 * @see https://platform.openai.com/docs/api-reference/chat/object
 */
export function writeCompletion(answer: Json, call: ClientRequest, model: string, usage: Usage, out: ByteWriter): void {
  const w = new JsonWriter(out).object();
  writeId(answer.value("request_id"), call, w.key("id"));
  w.key("object").string("chat.completion").key("created").int(call.created).key("model").string(model);
  w.key("choices").array();
  const start = out.length;
  const output = answer.value("output");
  const choices = memberOf(output, "choices");
  if (choices == null) {
    if (output != null) writeChoice(output, 0, w);
  } else {
    let position: i32 = 0;
    let choice = choices.first();
    while (choice != null) {
      writeChoice(choice, choice.count32("index", position), w);
      position++;
      choice = choice.next;
    }
  }
  const written = out.length - start;
  w.end();
  const counts = answer.value("usage");
  if (counts != null && counts.kind === OBJECT) readUsage(counts, usage);
  else {
    usage.prompt = estimatePrompt(call.json);
    usage.completion = estimateTokens(written);
    usage.source = USAGE_ESTIMATE;
  }
  writeUsage(usage, w.key("usage"));
  w.key("system_fingerprint").nil().end();
}

/** The provider's id, as its compatible mode spells it; the client's time when it gave none. */
export function writeId(id: Json | null, call: ClientRequest, w: JsonWriter): void {
  w.raw('"chatcmpl-');
  if (id != null && id.kind === STRING && !id.isEmpty()) w.out.copy(id.source, id.start, id.end);
  else w.out.int(call.created);
  w.out.byte(0x22);
}

function writeChoice(choice: Json, index: i32, w: JsonWriter): void {
  const message = choice.value("message");
  const given = memberOf(message, "tool_calls");
  const calls = given != null && given.kind === ARRAY && !given.isEmpty() ? given : null;
  w.object().key("index").int(index).key("message").object().key("role").string("assistant");
  writeContent(contentOf(choice), calls != null, w.key("content"));
  w.key("refusal").nil();
  const thought = memberOf(message, "reasoning_content");
  if (thought != null && thought.kind === STRING && !thought.isEmpty()) w.key("reasoning_content").json(thought);
  if (calls != null) writeCalls(calls, w.key("tool_calls"));
  w.end().key("logprobs");
  const logprobs = choice.value("logprobs");
  if (logprobs != null && logprobs.kind === OBJECT) w.json(logprobs);
  else w.nil();
  const reason = finishReason(choice);
  const plain = reason.length === 0 || reason === "stop";
  w.key("finish_reason").string(plain ? (calls != null ? "tool_calls" : "stop") : reason);
  w.end();
}

/** An answer that calls tools and says nothing has a content of null. */
function writeContent(content: Json | null, calls: boolean, w: JsonWriter): void {
  const quote = w.out.length;
  w.raw('"');
  const start = w.out.length;
  copyText(content, w.out);
  if (calls && w.out.length === start) {
    w.out.length = quote;
    w.out.ascii("null");
  } else w.out.byte(0x22);
}

function writeCalls(calls: Json, w: JsonWriter): void {
  w.array();
  let position: i32 = 0;
  let call = firstOf(calls);
  while (call != null) {
    w.object().key("id");
    writeCallId(call.value("id"), position, w);
    w.key("type").string("function").key("function").object();
    const called = call.value("function");
    writeCallName(memberOf(called, "name"), w.key("name"));
    w.key("arguments").raw('"');
    const start = w.out.length;
    writeArguments(memberOf(called, "arguments"), w.out);
    if (w.out.length === start) w.out.ascii(NO_ARGUMENTS);
    w.out.byte(0x22);
    w.end().end();
    position++;
    call = call.next;
  }
  w.end();
}

/** The id of the call at this position; made up when the provider gave none. */
export function writeCallId(id: Json | null, position: i32, w: JsonWriter): void {
  if (id != null && id.kind === STRING && !id.isEmpty()) w.json(id);
  else w.string("call_" + position.toString());
}

export function writeCallName(name: Json | null, w: JsonWriter): void {
  if (name != null && name.kind === STRING) w.json(name);
  else w.string("");
}
