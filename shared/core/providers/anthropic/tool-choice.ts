import { FORCED_TOOLS } from "../../capabilities.ts";
import { JsonWriter } from "../../json-writer.ts";
import { readToolChoice, ToolChoice } from "../../tool-choice.ts";
import { RequestTranslation as Translation } from "../../translation.ts";
import { ChatFields } from "./fields.ts";
import { toolNameOf } from "./tool-names.ts";

/** Reads the client's choice of tools, made one that the model accepts; null when it is wrong (`t.problem`). */
export function readAcceptedChoice(fields: ChatFields, t: Translation): ToolChoice | null {
  const choice = readToolChoice(fields, t);
  if (choice == null) return null;
  if (choice.isForced() && !t.capabilities.has(FORCED_TOOLS) && !ask(choice, t)) return null;
  return choice;
}

/** Asks the model in words for what its API does not let one force. */
function ask(choice: ToolChoice, t: Translation): boolean {
  if (!t.drop("tool_choice")) return false;
  const name = choice.name;
  if (name == null) t.instructions.push("You must answer with a call of at least one of the tools.");
  else t.instructions.push("You must answer with a call of the tool `" + toolNameOf(name) + "`.");
  choice.mode = "auto";
  return true;
}

/** Writes the `tool_choice` member, if there is something to say. */
export function writeToolChoice(fields: ChatFields, choice: ToolChoice, w: JsonWriter): void {
  const mode = choice.mode;
  const single = fields.isOldWay() || fields.wantsSingleCalls();
  if (mode.length === 0 && !single) return;
  w.key("tool_choice").object().key("type");
  const name = choice.name;
  if (mode === "function" && name != null) w.string("tool").key("name").string(toolNameOf(name));
  else if (mode === "required") w.string("any");
  else w.string(mode === "none" ? "none" : "auto");
  if (single && mode !== "none") w.key("disable_parallel_tool_use").bool(true);
  w.end();
}
