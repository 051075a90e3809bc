import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { at } from "../../translation.ts";
import { Translation } from "./translation.ts";

/** Writes `tools` and `tool_choice`, which have OpenAI's shape. */
export function writeTools(tools: Json | null, choice: Json | null, t: Translation): boolean {
  if (tools == null || (tools.kind === ARRAY && tools.isEmpty())) {
    if (choice == null || choice.is("auto") || choice.is("none")) return true;
    return t.refuse("tool_choice", "'tool_choice' is only allowed when 'tools' are specified.");
  }
  if (tools.kind !== ARRAY) return t.refuse("tools", "'tools' must be an array.");
  let index: i32 = 0;
  let tool = tools.first();
  while (tool != null) {
    if (!checkTool(tool, at("tools", index), t)) return false;
    index++;
    tool = tool.next;
  }
  t.w.key("tools").json(tools);
  return choice == null || writeChoice(choice, tools, t);
}

function checkTool(tool: Json, param: string, t: Translation): boolean {
  const type = tool.value("type");
  if (type != null && !type.is("function")) return t.refuseUnsupported(param + ".type", "A tool other than a function");
  const described = tool.value("function");
  if (described == null || described.kind !== OBJECT) return t.refuseMissing(param + ".function");
  const name = described.value("name");
  if (name == null || name.kind !== STRING) return t.refuseMissing(param + ".function.name");
  return true;
}

/** There is no `required` here; where there is one tool only, to name it says the same. */
function writeChoice(choice: Json, tools: Json, t: Translation): boolean {
  if (choice.is("auto") || choice.is("none")) {
    t.w.key("tool_choice").json(choice);
    return true;
  }
  if (choice.is("required")) {
    const only = tools.first();
    if (only == null || only.next != null) {
      return t.refuseUnsupported("tool_choice", "The tool choice 'required' with more than one tool");
    }
    writeNamed(only.value("function"), t);
    return true;
  }
  if (choice.kind !== OBJECT) {
    return t.refuse("tool_choice", "A tool choice must be one of 'none', 'auto' and 'required', or name a function.");
  }
  const type = choice.value("type");
  if (type != null && !type.is("function")) {
    return t.refuseUnsupported("tool_choice.type", "A tool choice other than of a function");
  }
  const named = choice.value("function");
  if (named == null) return t.refuseMissing("tool_choice.function");
  const name = named.value("name");
  if (name == null || name.kind !== STRING) return t.refuseMissing("tool_choice.function.name");
  writeNamed(named, t);
  return true;
}

function writeNamed(described: Json | null, t: Translation): void {
  const name = memberOf(described, "name");
  t.w.key("tool_choice").object().key("type").string("function").key("function").object().key("name");
  if (name == null) t.w.string("");
  else t.w.json(name);
  t.w.end().end();
}
