import { ByteWriter } from "../byte-writer.ts";
import { sliceBytes } from "../bytes.ts";
import { CHAT, ClientRequest } from "../exchange.ts";
import { ARRAY, Json, OBJECT } from "../json.ts";
import { JsonWriter } from "../json-writer.ts";
import { SseReader } from "../sse.ts";
import { Usage } from "../usage.ts";
import { JoinedJson } from "./joined-json.ts";

/**
 * Writes a stream in OpenAI's words, complete, as the whole answer that the client asked for: some servers stream whether
 * they are asked to or not. Answers false when its chunks do not make one.
 */
export function writeAsWhole(stream: Uint8Array, call: ClientRequest, usage: Usage, out: ByteWriter): boolean {
  const reader = new SseReader();
  reader.push(stream, stream.length, true);
  let joined: JoinedJson | null = null;
  while (reader.next()) {
    if (!reader.hasData) continue;
    // What several data lines are joined in is used again for the next event.
    const spliced = reader.data !== reader.bytes;
    const chunk = spliced
      ? Json.parse(sliceBytes(reader.data, reader.dataStart, reader.dataEnd))
      : Json.parseSpan(reader.data, reader.dataStart, reader.dataEnd);
    if (chunk == null || chunk.kind !== OBJECT) continue;
    if (joined == null) joined = new JoinedJson(chunk);
    else joined.add(chunk);
    if (joined.broken) return false;
  }
  if (joined == null) return false;
  const choices = joined.get("choices");
  if (choices == null || choices.model.kind !== ARRAY || choices.count === 0) return false;
  const w = new JsonWriter(out).object();
  for (let i: i32 = 0; i < joined.count; i++) {
    const member = joined.child(i);
    if (member.model.isKey("object")) {
      w.key("object").string(call.endpoint === CHAT ? "chat.completion" : "text_completion");
    } else if (member === choices) writeChoices(choices, w.key("choices"));
    else if (!member.model.isKey("usage")) member.write(w.keyOf(member.model));
  }
  const total: i32 = usage.completion > 2147483647 - usage.prompt ? 2147483647 : usage.prompt + usage.completion;
  w.key("usage").object().key("prompt_tokens").int(usage.prompt);
  w.key("completion_tokens").int(usage.completion).key("total_tokens").int(total);
  w.key("prompt_tokens_details").object().key("cached_tokens").int(usage.cached).end();
  w.key("completion_tokens_details").object().key("reasoning_tokens").int(usage.reasoning).end();
  w.end().end();
  return true;
}

function writeChoices(choices: JoinedJson, w: JsonWriter): void {
  w.array();
  for (let i: i32 = 0; i < choices.count; i++) {
    const choice = choices.child(i);
    if (choice.model.kind !== OBJECT) continue;
    w.object();
    for (let j: i32 = 0; j < choice.count; j++) {
      const member = choice.child(j);
      if (member.model.isKey("delta")) writeMessage(member, w.key("message"));
      else member.write(w.keyOf(member.model));
    }
    w.end();
  }
  w.end();
}

function writeMessage(delta: JoinedJson, w: JsonWriter): void {
  w.object();
  if (delta.get("role") == null) w.key("role").string("assistant");
  if (delta.get("content") == null) w.key("content").nil();
  for (let i: i32 = 0; i < delta.count; i++) {
    const member = delta.child(i);
    if (member.model.isKey("tool_calls") && member.model.kind === ARRAY) writeCalls(member, w.key("tool_calls"));
    else member.write(w.keyOf(member.model));
  }
  w.end();
}

/** In a whole answer a call bears no number. */
function writeCalls(calls: JoinedJson, w: JsonWriter): void {
  w.array();
  for (let i: i32 = 0; i < calls.count; i++) {
    const call = calls.child(i);
    if (call.model.kind !== OBJECT) continue;
    w.object();
    for (let j: i32 = 0; j < call.count; j++) {
      const member = call.child(j);
      if (!member.model.isKey("index")) member.write(w.keyOf(member.model));
    }
    w.end();
  }
  w.end();
}
