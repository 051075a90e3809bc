import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { at } from "../../translation.ts";
import { writeContent } from "./content.ts";
import { Translation } from "./translation.ts";

/** Writes `messages`. `keepsThinking`: what an assistant thought in earlier turns goes along. */
export function writeMessages(messages: Json | null, keepsThinking: boolean, t: Translation): boolean {
  if (messages == null) return t.refuseMissing("messages");
  if (messages.kind !== ARRAY || messages.isEmpty()) {
    return t.refuse("messages", "'messages' must be an array of at least one message.");
  }
  t.w.array();
  let index: i32 = 0;
  let message = messages.first();
  while (message != null) {
    if (!writeMessage(message, at("messages", index), keepsThinking, t)) return false;
    index++;
    message = message.next;
  }
  t.w.end();
  return true;
}

function writeMessage(message: Json, param: string, keepsThinking: boolean, t: Translation): boolean {
  if (message.kind !== OBJECT) return t.refuse(param, "Each message must be an object.");
  const role = message.value("role");
  if (role == null || role.kind !== STRING) return t.refuseMissing(param + ".role");
  const content = message.value("content");
  const w = t.w.object().key("role");
  if (role.is("assistant")) {
    w.string("assistant").key("content");
    if (!writeContent(content, param + ".content", true, t)) return false;
    if (!writeSaid(message, param, keepsThinking, t)) return false;
  } else if (role.is("tool")) {
    const id = message.value("tool_call_id");
    if (id == null || id.kind !== STRING) return t.refuseMissing(param + ".tool_call_id");
    w.string("tool").key("tool_call_id").json(id).key("content");
    if (!writeContent(content, param + ".content", true, t)) return false;
  } else if (role.is("system") || role.is("developer")) {
    w.string("system").key("content");
    if (!writeContent(content, param + ".content", true, t)) return false;
  } else if (role.is("user")) {
    if (content == null) return t.refuseMissing(param + ".content");
    w.string("user").key("content");
    if (!writeContent(content, param + ".content", false, t)) return false;
  } else if (role.is("function")) {
    return t.refuseUnsupported(param + ".role", "The role 'function', the forerunner of 'tool',");
  } else {
    return t.refuse(
      param + ".role",
      "A message's role must be one of 'system', 'developer', 'user', 'assistant' and 'tool'.",
    );
  }
  w.end();
  return true;
}

/** Writes what an assistant's message has beside its content. */
function writeSaid(message: Json, param: string, keepsThinking: boolean, t: Translation): boolean {
  if (message.value("function_call") != null) {
    return t.refuseUnsupported(param + ".function_call", "'function_call', the forerunner of 'tool_calls',");
  }
  const calls = message.value("tool_calls");
  if (calls != null) {
    if (calls.kind !== ARRAY) return t.refuse(param + ".tool_calls", "'tool_calls' must be an array.");
    let index: i32 = 0;
    let call = calls.first();
    while (call != null) {
      const called = call.value("function");
      const callParam = at(param + ".tool_calls", index);
      if (called == null || called.kind !== OBJECT) return t.refuseMissing(callParam + ".function");
      const name = called.value("name");
      if (name == null || name.kind !== STRING) return t.refuseMissing(callParam + ".function.name");
      index++;
      call = call.next;
    }
    if (index > 0) t.w.key("tool_calls").json(calls);
  }
  const thought = message.value("reasoning_content");
  if (keepsThinking && thought != null && thought.kind === STRING) t.w.key("reasoning_content").json(thought);
  // DashScope's own extension: the model goes on from what the message begins.
  const partial = message.value("partial");
  if (partial != null) t.w.key("partial").json(partial);
  return true;
}
