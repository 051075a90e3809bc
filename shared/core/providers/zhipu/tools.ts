import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { firstOf, memberOf } from "../../json-path.ts";
import { RequestTranslation as Translation } from "../../translation.ts";

/** OpenAI's own bound on tools. */
const MOST_ALLOWED: i32 = 128;

/** Which of the request's tools are sent. `tool_choice` itself may only be `auto`. */
export class ToolChoice {
  /** No tool at all. */
  none: boolean = false;
  /** The only function that is sent, or null. */
  only: Json | null = null;
  /** The only tools that are sent, `{"type":"function","function":{"name"}}` each, or null. */
  allowed: Json | null = null;

  sends(tool: Json): boolean {
    const name = memberOf(tool.value("function"), "name");
    const only = this.only;
    if (only != null) return name != null && name.text() === only.text();
    const allowed = this.allowed;
    if (allowed == null) return true;
    let entry = allowed.first();
    while (entry != null) {
      const wanted = memberOf(entry.value("function"), "name");
      if (wanted != null && name != null && wanted.text() === name.text()) return true;
      entry = entry.next;
    }
    return false;
  }
}

/** Reads `tool_choice`; null when it is wrong (`t.problem`). What cannot be forced is asked of the model in words. */
export function readToolChoice(asked: Json | null, tools: Json | null, t: Translation): ToolChoice | null {
  const choice = new ToolChoice();
  if (asked == null) return choice;
  if (asked.kind === STRING) return readMode(asked, choice, t) ? choice : null;
  const type = asked.value("type");
  if (asked.kind !== OBJECT || type == null) {
    t.refuse("tool_choice", "'tool_choice' must be a string or an object with a type.");
    return null;
  }
  if (type.is("allowed_tools")) {
    const allowed = asked.value("allowed_tools");
    const tools = memberOf(allowed, "tools");
    if (tools == null || tools.kind !== ARRAY) {
      t.refuse("tool_choice.allowed_tools.tools", "The allowed tools must be an array.");
      return null;
    }
    if (tools.count() > MOST_ALLOWED) {
      t.refuse("tool_choice.allowed_tools.tools", "At most 128 tools may be named.");
      return null;
    }
    choice.allowed = tools;
    const mode = memberOf(allowed, "mode");
    return mode == null || readMode(mode, choice, t) ? choice : null;
  }
  const name = memberOf(asked.value("function"), "name");
  if (!type.is("function") || name == null || name.kind !== STRING) {
    t.refuseUnsupported("tool_choice", "A tool choice other than of a function");
    return null;
  }
  choice.only = name;
  if (!isOffered(tools, choice)) {
    t.refuse("tool_choice", "The tool of the tool choice is not one of the 'tools'.");
    return null;
  }
  if (!t.drop("tool_choice")) return null;
  t.instructions.push("You must answer with a call of the tool `" + name.text() + "`.");
  return choice;
}

/** Whether the request has a tool that the choice lets through. */
function isOffered(tools: Json | null, choice: ToolChoice): boolean {
  let tool = firstOf(tools);
  while (tool != null) {
    if (choice.sends(tool)) return true;
    tool = tool.next;
  }
  return false;
}

function readMode(mode: Json, choice: ToolChoice, t: Translation): boolean {
  if (mode.is("auto")) return true;
  if (mode.is("none")) {
    choice.none = true;
    return true;
  }
  if (!mode.is("required"))
    return t.refuse("tool_choice", "A tool choice must be one of 'none', 'auto' and 'required', or name a function.");
  if (!t.drop("tool_choice")) return false;
  t.instructions.push("You must answer with a call of at least one of the tools.");
  return true;
}

/** Writes `tools` and `tool_choice`: functions without `strict`, and the vendor's own kinds of tool as they are. */
export function writeTools(tools: Json, choice: ToolChoice, t: Translation): boolean {
  if (tools.kind !== ARRAY) return t.refuse("tools", "'tools' must be an array.");
  if (choice.none) return true;
  let any = false;
  let tool = tools.first();
  while (tool != null) {
    const type = tool.value("type");
    if (type != null && type.is("custom")) return t.refuseUnsupported("tools", "A custom tool");
    if (choice.sends(tool)) {
      if (!any) t.w.key("tools").array();
      any = true;
      writeTool(tool, t);
    }
    tool = tool.next;
  }
  if (any) t.w.end().key("tool_choice").string("auto");
  return true;
}

function writeTool(tool: Json, t: Translation): void {
  const named = tool.value("function");
  if (named == null || named.kind !== OBJECT || named.get("strict") == null) {
    t.w.json(tool);
    return;
  }
  t.w.object().key("type").string("function").key("function").object();
  let member = named.first();
  while (member != null) {
    if (!member.isKey("strict")) t.w.keyOf(member).json(member);
    member = member.next;
  }
  t.w.end().end();
}
