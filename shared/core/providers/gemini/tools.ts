import { ARRAY, Json, OBJECT, STRING, TRUE } from "../../json.ts";
import { ToolChoice } from "../../tool-choice.ts";
import { at, RequestTranslation as Translation } from "../../translation.ts";
import { ChatFields } from "./fields.ts";
import { writeSchema } from "./schema.ts";
import { isToolName, writeToolName } from "./tool-names.ts";

/**
 * Writes the `tools` and `toolConfig` members, if the request has tools.
 * @see https://ai.google.dev/api/caching#FunctionDeclaration
 */
export function writeTools(fields: ChatFields, choice: ToolChoice, t: Translation): boolean {
  if (!fields.hasTools()) return true;
  t.w.key("tools").array().object().key("functionDeclarations").array();
  const tools = fields.tools;
  const functions = fields.functions;
  if (tools != null) {
    if (!writeAll(tools, "tools", true, choice, t)) return false;
  } else if (functions != null && !writeAll(functions, "functions", false, choice, t)) return false;
  t.w.end().end().end();
  writeChoice(choice, t);
  return true;
}

/** Writes the `toolConfig` member, if there is something to say. */
function writeChoice(choice: ToolChoice, t: Translation): void {
  const mode = choice.mode;
  if (mode.length === 0) return;
  t.w.key("toolConfig").object().key("functionCallingConfig").object();
  t.w.key("mode").string(choice.isForced() ? "ANY" : mode === "none" ? "NONE" : "AUTO");
  const name = choice.name;
  if (name != null) {
    t.w.key("allowedFunctionNames").array();
    writeToolName(name, t.w);
    t.w.end();
  }
  t.w.end().end();
}

/** Writes each tool; `wrapped` ones are `{"type":"function","function":{…}}`. */
function writeAll(tools: Json, param: string, wrapped: boolean, choice: ToolChoice, t: Translation): boolean {
  if (tools.kind !== ARRAY) return t.refuse(param, "'" + param + "' must be an array.");
  let index: i32 = 0;
  let tool = tools.first();
  while (tool != null) {
    const toolParam = at(param, index);
    if (wrapped) {
      const type = tool.value("type");
      if (type != null && !type.is("function"))
        return t.refuseUnsupported(toolParam + ".type", "A tool other than a function");
      const described = tool.value("function");
      if (described == null) return t.refuseMissing(toolParam + ".function");
      if (!write(described, toolParam + ".function", choice, t)) return false;
    } else if (!write(tool, toolParam, choice, t)) return false;
    index++;
    tool = tool.next;
  }
  return true;
}

function write(described: Json, param: string, choice: ToolChoice, t: Translation): boolean {
  const name = described.value("name");
  if (name == null || name.kind !== STRING) return t.refuseMissing(param + ".name");
  if (!isToolName(name)) return t.refuse(param + ".name", "A function's name must match ^[a-zA-Z0-9_.:-]{1,127}$.");
  if (!choice.allows(name)) return true;
  const strict = described.value("strict");
  if (strict != null && strict.kind === TRUE && !t.drop(param + ".strict")) return false;
  writeToolName(name, t.w.object().key("name"));
  const description = described.value("description");
  if (description != null && description.kind === STRING && !description.isEmpty())
    t.w.key("description").json(description);
  const parameters = described.value("parameters");
  if (parameters != null) {
    if (parameters.kind !== OBJECT) {
      return t.refuse(param + ".parameters", "A function's parameters must be a JSON Schema object.");
    }
    // A function without parameters has no schema.
    if (hasProperties(parameters)) writeSchema(parameters, t.w.key("parametersJsonSchema"));
  }
  t.w.end();
  return true;
}

function hasProperties(schema: Json): boolean {
  const properties = schema.value("properties");
  if (properties != null) return !properties.isEmpty();
  const type = schema.value("type");
  // Beside `type` anything else says something of the parameters.
  return schema.count() > (type == null ? 0 : 1);
}
