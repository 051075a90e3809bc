import { ByteWriter } from "../../byte-writer.ts";
import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { at, RequestTranslation as Translation } from "../../translation.ts";
import { joinTexts, writeContent, writeTexts } from "./content.ts";
import { Round } from "./round.ts";
import { MODEL_TURN, NO_TURN, Turns, USER_TURN } from "./turns.ts";

/** Writes the `systemInstruction` and `contents` members for a chat's messages, and the translation's own instructions. */
export function writeContents(messages: Json | null, t: Translation): boolean {
  if (messages == null) return t.refuseMissing("messages");
  if (messages.kind !== ARRAY || messages.isEmpty()) {
    return t.refuse("messages", "'messages' must be an array of at least one message.");
  }
  let count: i32 = 0;
  let onlySystem = true;
  let message = messages.first();
  while (message != null) {
    if (!checkRole(message, count, t)) return false;
    if (!isSystem(message)) onlySystem = false;
    count++;
    message = message.next;
  }
  // A chat of nothing but instructions is legal for OpenAI; here the last of them has to be what the user says.
  const asUser = onlySystem ? count - 1 : -1;
  return writeSystem(messages, asUser, t) && new ContentsWriter(t).writeAll(messages, asUser);
}

function checkRole(message: Json, index: i32, t: Translation): boolean {
  if (message.kind !== OBJECT) return t.refuse(at("messages", index), "Each message must be an object.");
  const role = message.value("role");
  if (role == null || role.kind !== STRING) return t.refuseMissing(at("messages", index) + ".role");
  if (role.is("user") || role.is("assistant") || isSystem(message) || isResult(message)) return true;
  return t.refuse(
    at("messages", index) + ".role",
    "A message's role must be one of 'system', 'developer', 'user', 'assistant', 'tool' and 'function'.",
  );
}

function hasRole(message: Json, name: string): boolean {
  const role = message.value("role");
  return role != null && role.is(name);
}

function isSystem(message: Json): boolean {
  return hasRole(message, "system") || hasRole(message, "developer");
}

function isResult(message: Json): boolean {
  return hasRole(message, "tool") || hasRole(message, "function");
}

/** Writes all system messages but the one that counts as the user's. */
function writeSystem(messages: Json, asUser: i32, t: Translation): boolean {
  const out = new ByteWriter(256);
  const w = new JsonWriter(out).array();
  let index: i32 = 0;
  let message = messages.first();
  while (message != null) {
    if (index !== asUser && isSystem(message)) {
      const param = at("messages", index) + ".content";
      const content = message.value("content");
      if (content == null) return t.refuseMissing(param);
      if (!writeTexts(content, param, NO_TURN, null, t, w)) return false;
    }
    index++;
    message = message.next;
  }
  for (let i: i32 = 0; i < t.instructions.length; i++) {
    w.object().key("text").string(t.instructions[i]!).end();
  }
  if (out.length === 1) return true;
  w.end();
  t.w.key("systemInstruction").object().key("parts").copy(out.bytes, 0, out.length).end();
  return true;
}

class ContentsWriter {
  private readonly t: Translation;
  private readonly turns: Turns;
  /** The calls of the assistant's last message, while their results have not come; else null. */
  private round: Round | null = null;

  constructor(t: Translation) {
    this.t = t;
    this.turns = new Turns(t.w);
  }

  writeAll(messages: Json, asUser: i32): boolean {
    this.t.w.key("contents").array();
    let index: i32 = 0;
    let message = messages.first();
    while (message != null) {
      if (index === asUser || !isSystem(message)) {
        if (!this.write(message, at("messages", index))) return false;
      }
      index++;
      message = message.next;
    }
    if (!this.closeRound(true)) return false;
    this.turns.end();
    this.t.w.end();
    return true;
  }

  private write(message: Json, param: string): boolean {
    if (isResult(message)) return this.takeResult(message, param);
    if (!this.closeRound(false)) return false;
    if (hasRole(message, "assistant")) return this.writeAssistant(message, param);
    const content = message.value("content");
    if (content == null) return this.t.refuseMissing(param + ".content");
    if (!writeContent(content, param + ".content", this.t, this.turns)) return false;
    this.turns.saySomething();
    return true;
  }

  private writeAssistant(message: Json, param: string): boolean {
    const t = this.t;
    if (message.value("audio") != null)
      return t.refuseUnsupported(param + ".audio", "A reference to earlier audio output");
    const content = message.value("content");
    if (content != null && !writeTexts(content, param + ".content", MODEL_TURN, this.turns, t, t.w)) return false;
    const refusal = message.value("refusal");
    if (refusal != null && !writeTexts(refusal, param + ".refusal", MODEL_TURN, this.turns, t, t.w)) return false;
    const round = new Round(t, param);
    const call = message.value("function_call");
    const calls = message.value("tool_calls");
    if (call != null) {
      if (!round.addFunction(call)) return false;
    } else if (calls != null && !round.addCalls(calls)) return false;
    if (round.isEmpty()) return true;
    this.turns.open(MODEL_TURN);
    this.round = round;
    return round.writeCalls();
  }

  private takeResult(message: Json, param: string): boolean {
    const t = this.t;
    const round = this.round;
    if (round == null) {
      return t.refuse(param + ".role", "A tool's message must follow an assistant's message with 'tool_calls'.");
    }
    const call = round.callOf(message, param);
    if (call == null) return false;
    const content = message.value("content");
    if (content != null && !joinTexts(content, param + ".content", t, call.result)) return false;
    call.answered = true;
    return true;
  }

  /** Writes the results of the round of tools, which is over; at the conversation's `end` it may be open still. */
  private closeRound(end: boolean): boolean {
    const round = this.round;
    if (round == null) return true;
    this.round = null;
    if (end && !round.hasResult()) return true;
    this.turns.open(USER_TURN);
    return round.writeResults();
  }
}
