import { ByteWriter } from "../../byte-writer.ts";
import { PREFILL } from "../../capabilities.ts";
import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { isBlankJson, unescapeJson } from "../../json-text.ts";
import { JsonWriter } from "../../json-writer.ts";
import { at, RequestTranslation as Translation } from "../../translation.ts";
import { writeContent, writeInstruction, writeSpeech } from "./content.ts";
import { Conversation } from "./conversation.ts";
import { ASSISTANT_TURN, SYSTEM_FIELD, SYSTEM_TURN, TOOL_RESULT, USER_TURN } from "./place.ts";
import { toolNameOf, writeId } from "./tool-names.ts";
import { Turns } from "./turns.ts";

/** Writes the `system` member: the messages that go there, and the translation's own instructions. */
export function writeSystem(conversation: Conversation, t: Translation): boolean {
  const out = new ByteWriter(256);
  const w = new JsonWriter(out).array();
  let index: i32 = 0;
  let message = conversation.messages.first();
  while (message != null) {
    if (conversation.places[index] === SYSTEM_FIELD) {
      const param = at("messages", index) + ".content";
      const content = message.value("content");
      if (content == null) return t.refuseMissing(param);
      if (!writeInstruction(content, message.value("cache_control"), param, t, w)) return false;
    }
    index++;
    message = message.next;
  }
  for (let i: i32 = 0; i < t.instructions.length; i++) {
    w.object().key("type").string("text").key("text").string(t.instructions[i]!).end();
  }
  if (out.length === 1) return true;
  w.end();
  t.w.key("system").copy(out.bytes, 0, out.length);
  return true;
}

/** Writes the `messages` member. */
export function writeMessages(conversation: Conversation, t: Translation): boolean {
  t.w.key("messages").array();
  const writer = new MessageWriter(conversation, t);
  let index: i32 = 0;
  let message = conversation.messages.first();
  while (message != null) {
    if (!writer.write(message, index)) return false;
    index++;
    message = message.next;
  }
  writer.turns.end();
  t.w.end();
  return true;
}

class MessageWriter {
  readonly turns: Turns;
  private readonly conversation: Conversation;
  private readonly t: Translation;
  /** How many functions were called in the old way, which has no ids. */
  private functionCalls: i32 = 0;

  constructor(conversation: Conversation, t: Translation) {
    this.conversation = conversation;
    this.t = t;
    this.turns = new Turns(t.w);
  }

  write(message: Json, index: i32): boolean {
    const place = this.conversation.places[index]!;
    if (place === SYSTEM_FIELD) return true;
    const param = at("messages", index);
    if (place === ASSISTANT_TURN) return this.writeAssistant(message, param, this.isFinal(index));
    if (place === TOOL_RESULT) return this.writeResult(message, param);
    const content = message.value("content");
    if (content == null) return this.t.refuseMissing(param + ".content");
    const mark = message.value("cache_control");
    if (place === SYSTEM_TURN) return this.writeSystemTurn(content, mark, param + ".content");
    if (!writeContent(content, mark, param + ".content", this.t, this.turns)) return false;
    this.turns.saySomething();
    return true;
  }

  /** Whether the message belongs to an assistant's turn with which the conversation ends. */
  private isFinal(index: i32): boolean {
    return this.conversation.endsWithAssistant && index >= this.conversation.lastTurn;
  }

  private writeSystemTurn(content: Json, mark: Json | null, param: string): boolean {
    const out = new ByteWriter(256);
    const w = new JsonWriter(out);
    if (!writeInstruction(content, mark, param, this.t, w)) return false;
    if (out.length === 0) return true;
    this.turns.open(SYSTEM_TURN);
    this.t.w.copy(out.bytes, 0, out.length);
    return true;
  }

  private writeAssistant(message: Json, param: string, final: boolean): boolean {
    const t = this.t;
    if (final && !t.capabilities.has(PREFILL)) {
      return t.refuse(param, "This model takes no conversation that ends with an assistant's message.");
    }
    if (message.value("audio") != null)
      return t.refuseUnsupported(param + ".audio", "A reference to earlier audio output");
    const content = message.value("content");
    const mark = message.value("cache_control");
    if (content != null && !writeSpeech(content, mark, param + ".content", final, t, this.turns)) return false;
    const refusal = message.value("refusal");
    if (refusal != null && !writeSpeech(refusal, mark, param + ".refusal", final, t, this.turns)) return false;
    const call = message.value("function_call");
    if (call != null) {
      this.functionCalls++;
      return this.writeCall(call, null, param + ".function_call");
    }
    const calls = message.value("tool_calls");
    return calls == null || this.writeCalls(calls, param + ".tool_calls");
  }

  private writeCalls(calls: Json, param: string): boolean {
    const t = this.t;
    if (calls.kind !== ARRAY) return t.refuse(param, "'tool_calls' must be an array.");
    let index: i32 = 0;
    let call = calls.first();
    while (call != null) {
      const callParam = at(param, index);
      const type = call.value("type");
      if (type != null && !type.is("function"))
        return t.refuseUnsupported(callParam + ".type", "A tool call other than of a function");
      const id = call.value("id");
      if (id == null || id.kind !== STRING || id.isEmpty()) return t.refuseMissing(callParam + ".id");
      const called = call.value("function");
      if (called == null) return t.refuseMissing(callParam + ".function");
      if (!this.writeCall(called, id, callParam + ".function")) return false;
      index++;
      call = call.next;
    }
    return true;
  }

  /** Writes a `tool_use` block for `{"name","arguments"}`; without an id it is a function called in the old way. */
  private writeCall(called: Json, id: Json | null, param: string): boolean {
    const t = this.t;
    const name = called.value("name");
    if (name == null || name.kind !== STRING) return t.refuseMissing(param + ".name");
    if (name.isEmpty()) return t.refuse(param + ".name", "A function's name must not be empty.");
    this.turns.open(ASSISTANT_TURN);
    t.w.object().key("type").string("tool_use").key("id");
    if (id == null) t.w.string(this.functionCallId());
    else writeId(id, t.w);
    t.w.key("name").string(toolNameOf(name)).key("input");
    const text = called.value("arguments");
    if (text == null) t.w.raw("{}");
    else if (text.kind !== STRING || !writeInput(text, t.w)) {
      return t.refuse(param + ".arguments", "A function's arguments must be a string that holds a JSON object.");
    }
    t.w.end();
    return true;
  }

  private functionCallId(): string {
    return "function_" + this.functionCalls.toString();
  }

  private writeResult(message: Json, param: string): boolean {
    const t = this.t;
    const role = message.value("role");
    this.turns.open(USER_TURN);
    t.w.object().key("type").string("tool_result").key("tool_use_id");
    if (role != null && role.is("function")) t.w.string(this.functionCallId());
    else {
      const id = message.value("tool_call_id");
      if (id == null || id.kind !== STRING || id.isEmpty()) return t.refuseMissing(param + ".tool_call_id");
      writeId(id, t.w);
    }
    const content = message.value("content");
    if (content != null && !content.isEmpty()) {
      t.w.key("content");
      if (content.kind === STRING) t.w.json(content);
      else {
        t.w.array();
        if (!writeContent(content, null, param + ".content", t, this.turns)) return false;
        t.w.end();
      }
    }
    const mark = message.value("cache_control");
    if (mark != null) t.w.key("cache_control").json(mark);
    t.w.end();
    return true;
  }
}

/** Writes the JSON object that the string holds; false when it holds none. The empty string stands for no arguments. */
function writeInput(text: Json, w: JsonWriter): boolean {
  if (isBlankJson(text.source, text.start, text.end)) {
    w.raw("{}");
    return true;
  }
  const plain = new ByteWriter(text.end - text.start);
  unescapeJson(text.source, text.start, text.end, plain);
  const input = Json.parseSpan(plain.bytes, 0, plain.length);
  if (input == null || input.kind !== OBJECT) return false;
  w.json(input);
  return true;
}
