import { ARRAY, FALSE, Json, OBJECT, STRING } from "./json.ts";
import { memberOf } from "./json-path.ts";
import { RequestTranslation } from "./translation.ts";

/** OpenAI's own bound on tools. */
const MOST_ALLOWED: i32 = 128;

/** The members of a chat request that are about tools, each null when absent or null. */
export class ToolFields {
  tools: Json | null = null;
  toolChoice: Json | null = null;
  parallelToolCalls: Json | null = null;
  /** The forerunners of `tools` and `tool_choice`. */
  functions: Json | null = null;
  functionCall: Json | null = null;

  /** Takes the member in; false when it is none of these. */
  takeTool(member: Json): boolean {
    if (member.isKey("tools")) this.tools = member;
    else if (member.isKey("tool_choice")) this.toolChoice = member;
    else if (member.isKey("parallel_tool_calls")) this.parallelToolCalls = member;
    else if (member.isKey("functions")) this.functions = member;
    else if (member.isKey("function_call")) this.functionCall = member;
    else return false;
    return true;
  }

  hasTools(): boolean {
    const tools = this.tools;
    if (tools != null) return !tools.isEmpty();
    const functions = this.functions;
    return functions != null && !functions.isEmpty();
  }

  /** The client describes its functions in the old way, in which an answer has room for one call. */
  isOldWay(): boolean {
    return this.tools == null;
  }

  /** `parallel_tool_calls: false`. */
  wantsSingleCalls(): boolean {
    const parallel = this.parallelToolCalls;
    return parallel != null && parallel.kind === FALSE;
  }
}

/** Which functions the model may call, and whether it must. */
export class ToolChoice {
  /** `auto`, `none`, `required`, or `function` for the one that has a name; empty when the client said nothing. */
  mode: string = "";
  /** Of mode `function`: its name. */
  name: Json | null = null;
  /** The only tools that may be called, `{"type":"function","function":{"name"}}` each; null for all. */
  allowed: Json | null = null;

  isForced(): boolean {
    return this.mode === "required" || this.mode === "function";
  }

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
}

/**
 * Reads `tool_choice` and `function_call`; null when they are wrong (`t.problem`).
 * @see https://platform.openai.com/docs/api-reference/chat/create#chat-create-tool_choice
 */
export function readToolChoice(fields: ToolFields, t: RequestTranslation): ToolChoice | null {
  const choice = new ToolChoice();
  const asked = fields.toolChoice;
  if (!fields.hasTools()) {
    if (asked == null || asked.is("auto") || asked.is("none")) return choice;
    t.refuse("tool_choice", "'tool_choice' is only allowed when 'tools' are specified.");
    return null;
  }
  const called = fields.functionCall;
  if (fields.isOldWay()) {
    if (called != null && !readFunctionCall(called, choice, t)) return null;
  } else if (asked != null && !readChoice(asked, choice, t)) return null;
  return choice;
}

function readChoice(asked: Json, choice: ToolChoice, t: RequestTranslation): boolean {
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

function readMode(mode: Json, param: string, choice: ToolChoice, t: RequestTranslation): boolean {
  if (mode.is("auto")) choice.mode = "auto";
  else if (mode.is("none")) choice.mode = "none";
  else if (mode.is("required")) choice.mode = "required";
  else return t.refuse(param, "A tool choice must be one of 'none', 'auto' and 'required', or name a function.");
  return true;
}

function readFunctionCall(called: Json, choice: ToolChoice, t: RequestTranslation): boolean {
  if (called.kind === STRING) return readMode(called, "function_call", choice, t);
  return readName(called, "function_call.name", choice, t);
}

function readName(named: Json, param: string, choice: ToolChoice, t: RequestTranslation): boolean {
  const name = named.value("name");
  if (name == null || name.kind !== STRING) return t.refuseMissing(param);
  choice.mode = "function";
  choice.name = name;
  return true;
}
