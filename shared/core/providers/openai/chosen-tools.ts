import { ARRAY, Json, OBJECT, STRING } from "../../json.ts";
import { memberOf } from "../../json-path.ts";
import { JsonWriter } from "../../json-writer.ts";
import { readToolChoice, ToolChoice, ToolFields } from "../../tool-choice.ts";
import { RequestTranslation } from "../../translation.ts";

/** What a server makes of `tool_choice`: all that OpenAI's does; */
export const EVERY_CHOICE: i32 = 0;
/** words alone (a function's name is read as `auto`); or */
export const WORDS: i32 = 1;
/** `auto`, `none` and a function's name (it refuses `required`). */
export const NAMES: i32 = 2;

/**
 * The tools of a chat, and the choice among them, in terms that a server understands which knows less than OpenAI's: to
 * require any of one tool is to require that tool, and a tool that must not be called need not be told.
 */
export class ChosenTools {
  private readonly choice: ToolChoice;
  private readonly reading: i32;
  private left: i32 = 0;
  /** The last of the tools that are left: the only one where a name must be told. */
  private last: Json | null = null;

  private constructor(choice: ToolChoice, tools: Json, reading: i32) {
    this.choice = choice;
    this.reading = reading;
    let tool = tools.first();
    while (tool != null) {
      if (this.keeps(tool)) {
        this.left++;
        this.last = tool;
      }
      tool = tool.next;
    }
  }

  /** What is to be written instead; null when the choice passes as it is, or cannot be told (`t.problem`). */
  static of(request: Json, reading: i32, t: RequestTranslation): ChosenTools | null {
    const asked = request.value("tool_choice");
    if (asked == null || !isForeign(asked, reading)) return null;
    const fields = new ToolFields();
    let member = request.first();
    while (member != null) {
      fields.takeTool(member);
      member = member.next;
    }
    const choice = readToolChoice(fields, t);
    const tools = fields.tools;
    if (choice == null || tools == null || tools.kind !== ARRAY) return null;
    const chosen = new ChosenTools(choice, tools, reading);
    if (chosen.left === 0) {
      t.refuse("tool_choice", "'tool_choice' names no function of 'tools'.");
      return null;
    }
    if (reading === NAMES && choice.isForced() && chosen.left > 1) {
      t.refuseUnsupported("tool_choice", "The tool choice 'required' with more than one tool");
      return null;
    }
    return chosen;
  }

  /** Writes the member in its new form; false when it has none. */
  write(member: Json, w: JsonWriter): boolean {
    if (member.isKey("tool_choice")) this.writeChoice(w.keyOf(member));
    else if (member.isKey("tools")) this.writeTools(member, w.keyOf(member));
    else return false;
    return true;
  }

  private writeChoice(w: JsonWriter): void {
    const name = nameOf(this.last);
    if (!this.choice.isForced()) w.string(this.choice.mode === "none" ? "none" : "auto");
    else if (this.reading === WORDS || name == null) w.string("required");
    else w.object().key("type").string("function").key("function").object().key("name").json(name).end().end();
  }

  private writeTools(tools: Json, w: JsonWriter): void {
    w.array();
    let tool = tools.first();
    while (tool != null) {
      if (this.keeps(tool)) w.json(tool);
      tool = tool.next;
    }
    w.end();
  }

  private keeps(tool: Json): boolean {
    const name = nameOf(tool);
    const wanted = this.choice.name;
    if (wanted != null) return name != null && name.text() === wanted.text();
    return this.choice.allowed == null || (name != null && this.choice.allows(name));
  }
}

/** Whether a server that reads choices so does not understand this one. */
function isForeign(asked: Json, reading: i32): boolean {
  if (reading === EVERY_CHOICE) return false;
  if (asked.kind !== OBJECT) return reading === NAMES && asked.is("required");
  const type = asked.value("type");
  return reading === WORDS || (type != null && type.is("allowed_tools"));
}

function nameOf(tool: Json | null): Json | null {
  if (tool == null) return null;
  const name = memberOf(tool.value("function"), "name");
  return name == null || name.kind !== STRING ? null : name;
}
