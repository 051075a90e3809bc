import { Json, STRING } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { RequestTranslation as Translation } from "../../translation.ts";

/** The least budget of models that cannot do without, in tokens. */
const LEAST_BUDGET: i32 = 128;

/**
 * Writes `thinkingConfig` for `reasoning_effort`, as a budget or as a level, never both; false when it is wrong
 * (`t.problem`). The numbers are those of Google's own OpenAI layer.
 * @see https://ai.google.dev/gemini-api/docs/openai#thinking
 */
export function writeThinking(asked: Json | null, t: Translation, w: JsonWriter): boolean {
  if (asked == null) return true;
  const effort = asked.kind === STRING ? asked.text() : "";
  const budget = budgetOf(effort);
  if (budget < 0) {
    return t.refuse(
      "reasoning_effort",
      "'reasoning_effort' must be one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh' and 'max'.",
    );
  }
  const capabilities = t.capabilities;
  const off = effort === "none";
  const style = capabilities.thinking;
  if (style.length === 0 || style === "level") {
    if (off && !t.drop("reasoning_effort")) return false;
    w.key("thinkingConfig").object().key("thinkingLevel").string(levelOf(effort, t));
  } else if (style === "budget") {
    const always = capabilities.thinkingOff === "never";
    if (off && always && !t.drop("reasoning_effort")) return false;
    const least = off && always ? LEAST_BUDGET : budget;
    const largest = capabilities.maxThinkingBudget;
    w.key("thinkingConfig")
      .object()
      .key("thinkingBudget")
      .int(largest === 0 || least < largest ? least : largest);
  } else return off || t.drop("reasoning_effort");
  // Without it the text of the thoughts does not come.
  if (!off) w.key("includeThoughts").bool(true);
  w.end();
  return true;
}

/** Tokens of thinking; -1 for a word that is no effort. */
function budgetOf(effort: string): i32 {
  if (effort === "none") return 0;
  if (effort === "minimal" || effort === "low") return 1024;
  if (effort === "medium") return 8192;
  if (effort === "high") return 24576;
  return effort === "xhigh" || effort === "max" ? 32768 : -1;
}

/** The nearest level that the model has; none of these models does without thinking. */
function levelOf(effort: string, t: Translation): string {
  if (effort === "none" || effort === "minimal") return t.capabilities.takesEffort("minimal") ? "minimal" : "low";
  if (effort === "low") return "low";
  return effort === "medium" && t.capabilities.takesEffort("medium") ? "medium" : "high";
}
