import { ARRAY, FALSE, Json, OBJECT, STRING } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { FORCED_TOOLS } from "./capabilities.ts";
import { ChatFields } from "./fields.ts";
import { Translation } from "./translation.ts";

/** OpenAI's own bound on tools. */
const MOST_ALLOWED: i32 = 128;

/** Which tools the model may call, and whether it must. */
export class ToolChoice {
  /** `auto`, `any`, `tool`, `none`; empty when nothing need be said. */
  type: string = "";
  /** Of type `tool`: its name. */
  name: Json | null = null;
  /** The only tools that may be called, `{"type":"function","function":{"name"}}` each; null for all. */
  allowed: Json | null = null;
  /** At most one call a turn. */
  single: boolean = false;

  isForced(): boolean {
    return this.type === "any" || this.type === "tool";
  }

  /** Whether the tool of this name is one that may be called. */
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
}

/** Reads `tool_choice`, `parallel_tool_calls` and `function_call`; null when they are wrong (`t.problem`). */
export function readToolChoice(fields: ChatFields, t: Translation): ToolChoice | null {
  const choice = new ToolChoice();
  if (!hasTools(fields)) {
    const asked = fields.toolChoice;
    if (asked == null || asked.is("auto") || asked.is("none")) return choice;
    t.refuse("tool_choice", "'tool_choice' is only allowed when 'tools' are specified.");
    return null;
  }
  const parallel = fields.parallelToolCalls;
  if (parallel != null) choice.single = parallel.kind === FALSE;
  const asked = fields.toolChoice;
  const called = fields.functionCall;
  if (fields.tools == null) {
    // An answer in the old way has room for one call.
    choice.single = true;
    if (called != null && !readFunctionCall(called, choice, t)) return null;
  } else if (asked != null && !readChoice(asked, choice, t)) return null;
  if (choice.isForced() && !t.capability.has(FORCED_TOOLS) && !ask(choice, t)) return null;
  if (choice.single && choice.type.length === 0) choice.type = "auto";
  return choice;
}

export function hasTools(fields: ChatFields): boolean {
  const tools = fields.tools;
  if (tools != null) return !tools.isEmpty();
  const functions = fields.functions;
  return functions != null && !functions.isEmpty();
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
  if (mode.is("auto")) choice.type = "auto";
  else if (mode.is("none")) choice.type = "none";
  else if (mode.is("required")) choice.type = "any";
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
  choice.type = "tool";
  choice.name = name;
  return true;
}

/** Asks the model in words for what its API does not let one force. */
function ask(choice: ToolChoice, t: Translation): boolean {
  if (!t.drop("tool_choice")) return false;
  const name = choice.name;
  if (name == null) t.instructions.push("You must answer with a call of at least one of the tools.");
  else t.instructions.push("You must answer with a call of the tool `" + name.text() + "`.");
  choice.type = "auto";
  return true;
}
