import { ByteWriter } from "../../byte-writer.ts";
import { ClientRequest } from "../../exchange.ts";
import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { firstOf } from "../../json-path.ts";
import { escapeJson } from "../../json-text.ts";
import { JsonWriter } from "../../json-writer.ts";
import { estimatePrompt, estimateTokens } from "../../tokens.ts";
import { USAGE_ESTIMATE, Usage } from "../../usage.ts";
import { finishReason, refusalText } from "./finish-reason.ts";
import { ToolNames } from "./tool-names.ts";
import { readUsage, writeUsage } from "./usage.ts";

/** Whether the answer is a message, and no error or other JSON. */
export function isMessage(answer: Json): boolean {
  const content = answer.value("content");
  if (content == null || content.kind !== ARRAY) return false;
  const type = answer.value("type");
  return type == null || type.is("message");
}

/**
 * Writes the message as a chat completion and takes down its usage. Blocks that OpenAI has nothing for (redacted thinking,
 * tools that ran at the provider) are left out.
 * @see https://platform.claude.com/docs/en/api/messages
 * @see https://platform.openai.com/docs/api-reference/chat/object
 */
export function writeCompletion(
  message: Json,
  call: ClientRequest,
  model: string,
  usage: Usage,
  out: ByteWriter,
): void {
  const content = message.value("content");
  const w = new JsonWriter(out).object();
  writeId(message.value("id"), call, w.key("id"));
  w.key("object").string("chat.completion").key("created").int(call.created).key("model");
  const served = message.value("model");
  if (served != null && served.kind === STRING) w.json(served);
  else w.string(model);
  w.key("choices").array().object().key("index").int(0).key("message").object().key("role").string("assistant");
  const start = out.length;
  const reason = writeAnswer(message, content, call.json, answersOldWay(call), w);
  const written = out.length - start;
  w.end().key("logprobs").nil().key("finish_reason").string(reason).end().end();
  const counts = message.value("usage");
  if (counts != null && counts.kind === OBJECT) readUsage(counts, usage);
  else {
    usage.prompt = estimatePrompt(call.json);
    usage.completion = estimateTokens(written);
    usage.source = USAGE_ESTIMATE;
  }
  writeUsage(usage, w.key("usage"));
  w.key("system_fingerprint").nil().end();
}

/** The provider's id; its own when it gave none. */
export function writeId(id: Json | null, call: ClientRequest, w: JsonWriter): void {
  if (id != null && id.kind === STRING && !id.isEmpty()) w.json(id);
  else w.string("chatcmpl-" + call.created.toString());
}

/** The client described its tools as `functions`, and reads `function_call`. */
export function answersOldWay(call: ClientRequest): boolean {
  return call.json.value("functions") != null && call.json.value("tools") == null;
}

/** Writes what the answer says into the open message; answers OpenAI's finish reason. */
function writeAnswer(message: Json, content: Json | null, request: Json, oldWay: boolean, w: JsonWriter): string {
  const stopReason = message.value("stop_reason");
  const refused = stopReason != null && stopReason.is("refusal");
  const calls = countBlocks(content, "tool_use");
  w.key("content");
  if (countBlocks(content, "text") > 0) writeJoined(content, "text", w);
  else if (calls > 0 || refused) w.nil();
  else w.string("");
  w.key("refusal");
  if (refused) w.string(refusalText(message.value("stop_details")));
  else w.nil();
  if (countBlocks(content, "thinking") > 0) writeJoined(content, "thinking", w.key("reasoning_content"));
  if (calls > 0) writeCalls(content, oldWay, new ToolNames(request), w);
  const reason = stopReason == null ? (calls > 0 ? "tool_calls" : "stop") : finishReason(stopReason);
  if (reason !== "tool_calls") return reason;
  return calls === 0 ? "stop" : oldWay ? "function_call" : reason;
}

/** How many blocks are of the type; of those that hold text, how many that say something. */
function countBlocks(content: Json | null, type: string): i32 {
  let count: i32 = 0;
  let block = firstOf(content);
  while (block != null) {
    const is = block.value("type");
    const text = block.get(type);
    const silent = text != null && text.isEmpty();
    if (is != null && is.is(type) && !silent) count++;
    block = block.next;
  }
  return count;
}

/** Writes the texts of all blocks of the type as one string, in the provider's spelling. */
function writeJoined(content: Json | null, type: string, w: JsonWriter): void {
  w.raw('"');
  let block = firstOf(content);
  while (block != null) {
    const is = block.value("type");
    const text = block.value(type);
    if (is != null && is.is(type) && text != null && text.kind === STRING)
      w.out.copy(text.source, text.start, text.end);
    block = block.next;
  }
  w.out.byte(0x22);
}

function writeCalls(content: Json | null, oldWay: boolean, names: ToolNames, w: JsonWriter): void {
  w.key(oldWay ? "function_call" : "tool_calls");
  if (!oldWay) w.array();
  let position: i32 = 0;
  let block = firstOf(content);
  while (block != null) {
    const is = block.value("type");
    if (is != null && is.is("tool_use") && (position === 0 || !oldWay)) {
      if (!oldWay) {
        w.object().key("id");
        writeCallId(block.value("id"), position, w);
        w.key("type").string("function").key("function");
      }
      w.object();
      names.write(block.value("name"), w.key("name"));
      writeArguments(block.value("input"), w.key("arguments"));
      w.end();
      if (!oldWay) w.end();
      position++;
    }
    block = block.next;
  }
  if (!oldWay) w.end();
}

/** The id of the call at this position; made up when the provider gave none. */
export function writeCallId(id: Json | null, position: i32, w: JsonWriter): void {
  if (id != null && id.kind === STRING && !id.isEmpty()) w.json(id);
  else w.string("call_" + position.toString());
}

/** Writes the input, an object, as a string that holds it. */
function writeArguments(input: Json | null, w: JsonWriter): void {
  if (input == null || input.kind !== OBJECT) {
    w.string("{}");
    return;
  }
  w.raw('"');
  escapeJson(input.source, input.start, input.end, w.out);
  w.out.byte(0x22);
}
