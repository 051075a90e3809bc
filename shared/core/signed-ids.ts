import { ByteWriter } from "./byte-writer.ts";
import { byteAt, findByte, startsAscii } from "./bytes.ts";
import { CHAT, ClientRequest } from "./exchange.ts";
import { ARRAY, Json, OBJECT, STRING } from "./json.ts";
import { JsonWriter } from "./json-writer.ts";

/**
 * What stands in a tool call's id between the id proper and the thought signature that it carries (providers/gemini/call-id.ts).
 * The client returns the whole, to whatever provider comes next; all but Gemini are to see the id proper, as OpenAI takes
 * no more than 64 bytes of one.
 */
export const SIGNATURE_MARK: string = "__thought__";

/** After so many bytes without an underscore the search goes over to bigger steps. */
const NEAR: i32 = 64;

/** The call with the ids of its tool calls as they are without signatures; the call itself when none carries one. */
export function withoutSignatures(call: ClientRequest): ClientRequest {
  if (call.endpoint !== CHAT || !hasMark(call.body)) return call;
  const out = new ByteWriter(call.body.length);
  const w = new JsonWriter(out).object();
  let member = call.json.first();
  while (member != null) {
    if (member.isKey("messages")) writeMessages(member, w.keyOf(member));
    else w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
  const body = out.take();
  const json = Json.parse(body);
  return json == null ? call : new ClientRequest(call.endpoint, body, json, call.created);
}

/** Whether the mark is anywhere in the bytes. Underscores stand close together or nowhere: steps are short near one. */
function hasMark(bytes: Uint8Array): boolean {
  const end = bytes.length;
  let at: i32 = 0;
  while (at < end) {
    const near: i32 = at + NEAR < end ? at + NEAR : end;
    while (at < near && byteAt(bytes, at) !== 0x5f) at++;
    if (at === near) at = findByte(bytes, 0x5f, at, end);
    if (at < 0) return false;
    if (startsAscii(bytes, at, end, SIGNATURE_MARK)) return true;
    at++;
  }
  return false;
}

function writeMessages(messages: Json, w: JsonWriter): void {
  if (messages.kind !== ARRAY) {
    w.json(messages);
    return;
  }
  w.array();
  let message = messages.first();
  while (message != null) {
    if (message.value("tool_calls") == null && message.value("tool_call_id") == null) w.json(message);
    else writeMembers(message, "tool_call_id", w);
    message = message.next;
  }
  w.end();
}

/** Writes the object with the id that it has under the key `id`, and those of its tool calls, cut. */
function writeMembers(object: Json, id: string, w: JsonWriter): void {
  w.object();
  let member = object.first();
  while (member != null) {
    if (member.isKey(id) && member.kind === STRING) writeId(member, w.keyOf(member));
    else if (member.isKey("tool_calls") && member.kind === ARRAY) writeCalls(member, w.keyOf(member));
    else w.keyOf(member).json(member);
    member = member.next;
  }
  w.end();
}

function writeCalls(calls: Json, w: JsonWriter): void {
  w.array();
  let call = calls.first();
  while (call != null) {
    if (call.kind === OBJECT) writeMembers(call, "id", w);
    else w.json(call);
    call = call.next;
  }
  w.end();
}

function writeId(id: Json, w: JsonWriter): void {
  const text = id.text();
  const at = text.lastIndexOf(SIGNATURE_MARK);
  if (at <= 0) w.json(id);
  else w.string(text.substring(0, at));
}
