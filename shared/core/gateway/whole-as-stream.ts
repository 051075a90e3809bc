import { ByteWriter } from "../byte-writer.ts";
import { CHAT, ClientRequest, COMPLETIONS } from "../exchange.ts";
import { ARRAY, Json, OBJECT } from "../json.ts";
import { JsonWriter } from "../json-writer.ts";

/** Whether the call's answer may come as chunks; images have events of their own. */
export function canBeStreamed(call: ClientRequest): boolean {
  return call.endpoint === CHAT || call.endpoint === COMPLETIONS;
}

/**
 * Writes a whole answer in OpenAI's words as the stream that the client asked for: one chunk with all of it, usage if it
 * was asked for, and the end. Some servers answer so, and a client that reads events would take it for an empty answer.
 */
export function writeAsStream(answer: Json, call: ClientRequest, out: ByteWriter): void {
  writeChunk(answer, call, false, out);
  if (call.includeUsage && answer.value("usage") != null) writeChunk(answer, call, true, out);
  out.ascii("data: [DONE]\n\n");
}

/** The chunk with the choices, or the one with `usage`. */
function writeChunk(answer: Json, call: ClientRequest, usage: boolean, out: ByteWriter): void {
  out.ascii("data: ");
  const w = new JsonWriter(out).object();
  let member = answer.first();
  while (member != null) {
    if (member.isKey("object")) w.keyOf(member).string(chunkName(call));
    else if (member.isKey("choices")) writeChoices(member, usage, w.keyOf(member));
    else if (usage || !member.isKey("usage")) w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
  out.ascii("\n\n");
}

function chunkName(call: ClientRequest): string {
  return call.endpoint === CHAT ? "chat.completion.chunk" : "text_completion";
}

function writeChoices(choices: Json, usage: boolean, w: JsonWriter): void {
  w.array();
  let choice: Json | null = usage || choices.kind !== ARRAY ? null : choices.first();
  while (choice != null) {
    w.object();
    let member = choice.first();
    while (member != null) {
      if (member.isKey("message")) writeDelta(member, w.key("delta"));
      else w.keyOf(member).json(member);
      member = member.next;
    }
    w.end();
    choice = choice.next;
  }
  w.end();
}

function writeDelta(message: Json, w: JsonWriter): void {
  w.object();
  let member = message.first();
  while (member != null) {
    if (member.isKey("tool_calls") && member.kind === ARRAY) writeCalls(member, w.keyOf(member));
    else w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
}

/** In a stream each call bears its number. */
function writeCalls(calls: Json, w: JsonWriter): void {
  w.array();
  let index: i32 = 0;
  let call = calls.first();
  while (call != null) {
    if (call.kind === OBJECT && call.get("index") == null) {
      w.object().key("index").int(index);
      let member = call.first();
      while (member != null) {
        w.keyOf(member).json(member);
        member = member.next;
      }
      w.end();
    } else w.json(call);
    index++;
    call = call.next;
  }
  w.end();
}
