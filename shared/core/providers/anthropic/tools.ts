import { STRUCTURED_OUTPUT } from "../../capabilities.ts";
import { ARRAY, Json, OBJECT, STRING, TRUE } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { ToolChoice } from "../../tool-choice.ts";
import { at, RequestTranslation as Translation } from "../../translation.ts";
import { ChatFields } from "./fields.ts";
import { isOpenSchema, writeSchema } from "./schema.ts";
import { writeToolChoice } from "./tool-choice.ts";
import { toolNameOf } from "./tool-names.ts";

/** The API takes so many strict tools in one request. */
const MOST_STRICT: i32 = 20;

/** Writes the `tools` and `tool_choice` members, if the request has tools. */
export function writeTools(fields: ChatFields, choice: ToolChoice, t: Translation): boolean {
  if (!fields.hasTools()) return true;
  const tools = fields.tools;
  const functions = fields.functions;
  t.w.key("tools").array();
  if (tools != null) {
    if (!new ToolWriter(choice, t).writeAll(tools, "tools", true)) return false;
  } else if (functions != null) {
    if (!new ToolWriter(choice, t).writeAll(functions, "functions", false)) return false;
  }
  t.w.end();
  writeToolChoice(fields, choice, t.w);
  return true;
}

class ToolWriter {
  private readonly choice: ToolChoice;
  private readonly t: Translation;
  private strictTools: i32 = 0;

  constructor(choice: ToolChoice, t: Translation) {
    this.choice = choice;
    this.t = t;
  }

  /** Writes each tool; `wrapped` ones are `{"type":"function","function":{…}}`. */
  writeAll(tools: Json, param: string, wrapped: boolean): boolean {
    const t = this.t;
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
        if (!this.write(described, tool, toolParam + ".function")) return false;
      } else if (!this.write(tool, tool, toolParam)) return false;
      index++;
      tool = tool.next;
    }
    return true;
  }

  private write(described: Json, tool: Json, param: string): boolean {
    const t = this.t;
    const name = described.value("name");
    if (name == null || name.kind !== STRING) return t.refuseMissing(param + ".name");
    if (name.isEmpty()) return t.refuse(param + ".name", "A function's name must not be empty.");
    if (!this.choice.allows(name)) return true;
    t.w.object().key("name").string(toolNameOf(name));
    const description = described.value("description");
    if (description != null && description.kind === STRING && !description.isEmpty())
      t.w.key("description").json(description);
    const parameters = described.value("parameters");
    if (parameters != null && parameters.kind !== OBJECT) {
      return t.refuse(param + ".parameters", "A function's parameters must be a JSON Schema object.");
    }
    const strict = described.value("strict");
    if (parameters != null && strict != null && strict.kind === TRUE && this.canBeStrict(parameters)) {
      this.strictTools++;
      writeSchema(parameters, t.w.key("input_schema"));
      t.w.key("strict").bool(true);
    } else {
      if (strict != null && strict.kind === TRUE && !t.drop(param + ".strict")) return false;
      writeParameters(parameters, t.w.key("input_schema"));
    }
    // Anthropic's own extension.
    const mark = tool.value("cache_control");
    if (mark != null) t.w.key("cache_control").json(mark);
    t.w.end();
    return true;
  }

  private canBeStrict(parameters: Json): boolean {
    if (!this.t.capabilities.has(STRUCTURED_OUTPUT) || this.strictTools >= MOST_STRICT) return false;
    const type = parameters.value("type");
    return type != null && type.is("object") && !isOpenSchema(parameters);
  }
}

/** The schema as it came; its root must say that it is of an object. */
function writeParameters(parameters: Json | null, w: JsonWriter): void {
  if (parameters == null || parameters.isEmpty()) {
    w.raw('{"type":"object","properties":{}}');
    return;
  }
  if (parameters.value("type") != null) {
    w.json(parameters);
    return;
  }
  w.object().key("type").string("object");
  let keyword = parameters.first();
  while (keyword != null) {
    if (!keyword.isKey("type")) w.keyOf(keyword).json(keyword);
    keyword = keyword.next;
  }
  w.end();
}
