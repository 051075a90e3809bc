import { ClientRequest } from "../../exchange.ts";
import { Json, OBJECT, STRING } from "../../json.ts";
import { firstOf, memberOf } from "../../json-path.ts";
import { escapeJson } from "../../json-text.ts";
import { JsonWriter } from "../../json-writer.ts";
import { writeCallId } from "./call-id.ts";
import { writeCalledName } from "./tool-names.ts";

/** The first part of a candidate's content; it may have none. */
export function firstPart(candidate: Json): Json | null {
  return firstOf(memberOf(candidate.value("content"), "parts"));
}

/** The function that the part calls, or null. Such a part may be marked as a thought as well. */
export function callOf(part: Json): Json | null {
  const call = part.value("functionCall");
  return call != null && call.kind === OBJECT ? call : null;
}

/** The part's text, or null when it has none that says something. */
export function textOf(part: Json): Json | null {
  const text = part.value("text");
  return text != null && text.kind === STRING && !text.isEmpty() ? text : null;
}

/** Whether the candidate holds text that is (or is not) a thought. */
export function saysSomething(candidate: Json, thoughts: boolean): boolean {
  let part = firstPart(candidate);
  while (part != null) {
    if (textOf(part) != null && part.flag("thought") === thoughts) return true;
    part = part.next;
  }
  return false;
}

export function countCalls(candidate: Json): i32 {
  let count: i32 = 0;
  let part = firstPart(candidate);
  while (part != null) {
    if (callOf(part) != null) count++;
    part = part.next;
  }
  return count;
}

/** The client described its tools as `functions`, and reads `function_call`. */
export function answersOldWay(call: ClientRequest): boolean {
  return call.json.value("functions") != null && call.json.value("tools") == null;
}

/** Writes the answer's id: the provider's, or one of our own. */
export function writeId(answer: Json, call: ClientRequest, w: JsonWriter): void {
  const id = answer.value("responseId");
  if (id != null && id.kind === STRING && !id.isEmpty()) w.json(id);
  else w.string("chatcmpl-" + call.created.toString());
}

/** Writes the name of the model that answered. */
export function writeModel(answer: Json, model: string, w: JsonWriter): void {
  const served = answer.value("modelVersion");
  if (served != null && served.kind === STRING && !served.isEmpty()) w.json(served);
  else w.string(model);
}

/**
 * Writes the calls of one answer. `position` counts them, for ids where the provider gives none: these must differ from
 * those of other answers in the same conversation.
 */
export class CallWriter {
  private readonly tools: Json | null;
  /** What our own ids begin with. */
  private readonly prefix: string;

  constructor(call: ClientRequest, answer: Json) {
    const tools = call.json.value("tools");
    this.tools = tools == null ? call.json.value("functions") : tools;
    const id = answer.string("responseId", "");
    this.prefix = "call_" + (isPlain(id) ? id : call.created.toString()) + "_";
  }

  /** Writes the members `id`, `type` and `function` for the part's call. */
  writeCall(part: Json, call: Json, position: i32, w: JsonWriter): void {
    writeCallId(call.value("id"), this.prefix + position.toString(), part.value("thoughtSignature"), w.key("id"));
    w.key("type").string("function").key("function").object();
    this.writeFunction(call, w);
    w.end();
  }

  /** Writes the members `name` and `arguments`. */
  writeFunction(call: Json, w: JsonWriter): void {
    writeCalledName(call.value("name"), this.tools, w.key("name"));
    w.key("arguments");
    const input = call.value("args");
    if (input == null || input.kind !== OBJECT) {
      w.string("{}");
      return;
    }
    w.raw('"');
    escapeJson(input.source, input.start, input.end, w.out);
    w.out.byte(0x22);
  }
}

/** Whether the id may stand in one of ours: not empty, letters, digits, `-` and `_` only. */
function isPlain(id: string): boolean {
  for (let i: i32 = 0; i < id.length; i++) {
    const c = id.charCodeAt(i);
    const letter = (c >= 97 && c <= 122) || (c >= 65 && c <= 90);
    if (!letter && !(c >= 48 && c <= 57) && c !== 0x2d && c !== 0x5f) return false;
  }
  return id.length > 0;
}
