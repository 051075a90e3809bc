import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { ChatFields } from "./fields.ts";
import { writeToolName } from "./tool-names.ts";
import { Translation } from "./translation.ts";

/** OpenAI's own bound on tools. */
const MOST_ALLOWED: i32 = 128;

/** Which functions the model may call, and whether it must. */
export class ToolChoice {
  /** `AUTO`, `ANY`, `NONE`; empty when nothing need be said. */
  mode: string = "";
  /** The only function that may be called, an object with its `name`; null for all. */
  named: Json | null = null;
  /** The only tools that may be called, `{"type":"function","function":{"name"}}` each; null for all. */
  allowed: Json | null = null;

  /** Whether the function of this name is one that may be called. */
  allows(name: Json): boolean {
    const allowed = this.allowed;
    if (allowed == null) return true;
    const wanted = name.text();
    let tool = allowed.first();
    while (tool != null) {
      const named = tool.value("function");
      if (named != null && named.string("name", "") === wanted) return true;
      tool = tool.next;
    }
    return false;
  }

  /** Writes the `toolConfig` member, if there is something to say. */
  write(t: Translation): void {
    if (this.mode.length === 0) return;
    t.w.key("toolConfig").object().key("functionCallingConfig").object().key("mode").string(this.mode);
    const name = memberOf(this.named, "name");
    if (name != null) {
      t.w.key("allowedFunctionNames").array();
      writeToolName(name, t.w);
      t.w.end();
    }
    t.w.end().end();
  }
}

/** Reads `tool_choice` and `function_call`; null when they are wrong (`t.problem`). */
export function readToolChoice(fields: ChatFields, t: Translation): ToolChoice | null {
  const choice = new ToolChoice();
  const asked = fields.toolChoice;
  if (!fields.hasTools()) {
    if (asked == null || asked.is("auto") || asked.is("none")) return choice;
    t.refuse("tool_choice", "'tool_choice' is only allowed when 'tools' are specified.");
    return null;
  }
  const called = fields.functionCall;
  if (fields.tools == null) {
    if (called != null && !readFunctionCall(called, choice, t)) return null;
  } else if (asked != null && !readChoice(asked, choice, t)) return null;
  return choice;
}

function readChoice(asked: Json, choice: ToolChoice, t: Translation): boolean {
  if (asked.kind === STRING) return readMode(asked, "tool_choice", choice, t);
  if (asked.kind !== OBJECT) return t.refuse("tool_choice", "'tool_choice' must be a string or an object.");
  const type = asked.value("type");
  if (type != null && type.is("allowed_tools")) {
    const allowed = asked.value("allowed_tools");
    const tools = memberOf(allowed, "tools");
    if (allowed == null || tools == null || tools.kind !== ARRAY)
      return t.refuseMissing("tool_choice.allowed_tools.tools");
    if (tools.count() > MOST_ALLOWED)
      return t.refuse("tool_choice.allowed_tools.tools", "At most 128 tools may be named.");
    choice.allowed = tools;
    const mode = allowed.value("mode");
    return mode == null || readMode(mode, "tool_choice.allowed_tools.mode", choice, t);
  }
  if (type != null && !type.is("function")) {
    return t.refuseUnsupported("tool_choice.type", "A tool choice other than of a function");
  }
  const named = asked.value("function");
  if (named == null) return t.refuseMissing("tool_choice.function");
  return readName(named, "tool_choice.function.name", choice, t);
}

function readMode(mode: Json, param: string, choice: ToolChoice, t: Translation): boolean {
  if (mode.is("auto")) choice.mode = "AUTO";
  else if (mode.is("none")) choice.mode = "NONE";
  else if (mode.is("required")) choice.mode = "ANY";
  else return t.refuse(param, "A tool choice must be one of 'none', 'auto' and 'required', or name a function.");
  return true;
}

function readFunctionCall(called: Json, choice: ToolChoice, t: Translation): boolean {
  if (called.kind === STRING) return readMode(called, "function_call", choice, t);
  return readName(called, "function_call.name", choice, t);
}

function readName(named: Json, param: string, choice: ToolChoice, t: Translation): boolean {
  const name = named.value("name");
  if (name == null || name.kind !== STRING) return t.refuseMissing(param);
  choice.mode = "ANY";
  choice.named = named;
  return true;
}
