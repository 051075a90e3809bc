import { STRING } from "../../json.ts";
import { JsonWriter } from "../../json-writer.ts";
import { RequestTranslation as Translation } from "../../translation.ts";
import { Conversation } from "./conversation.ts";
import { ChatFields } from "./fields.ts";

/** The least budget that the API takes, in tokens. */
const LEAST_BUDGET: i32 = 1024;

/** What `reasoning_effort` comes to. */
export class Thinking {
  /** `adaptive`, `enabled`, or what turns thinking off; empty for the model's own default. */
  type: string = "";
  /** Tokens, for `enabled`. */
  budget: i32 = 0;
  /** `output_config.effort`, or empty. */
  effort: string = "";

  /** Asked for, thinking rules out sampling parameters. */
  isOn(): boolean {
    return this.type === "adaptive" || this.type === "enabled";
  }

  write(w: JsonWriter): void {
    if (this.type.length === 0) return;
    w.key("thinking").object().key("type").string(this.type);
    if (this.budget > 0) w.key("budget_tokens").int(this.budget);
    // Without it newer models leave the text of their thinking empty.
    if (this.type === "adaptive") w.key("display").string("summarized");
    w.end();
  }
}

/** Reads `reasoning_effort`; null when it is wrong (`t.problem`). `forced`: the model must call a tool, which rules thinking out. */
export function readThinking(
  fields: ChatFields,
  conversation: Conversation,
  forced: boolean,
  maxTokens: i32,
  t: Translation,
): Thinking | null {
  const thinking = new Thinking();
  const asked = fields.reasoningEffort;
  if (asked == null) return thinking;
  const effort = asked.kind === STRING ? asked.text() : "";
  if (effort === "none") return turnOff(thinking, t) ? thinking : null;
  const budget = budgetOf(effort);
  if (budget === 0) {
    t.refuse(
      "reasoning_effort",
      "'reasoning_effort' must be one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh' and 'max'.",
    );
    return null;
  }
  const style = t.capabilities.thinking;
  if (style.length === 0 || style === "adaptive") {
    if (!forced) thinking.type = "adaptive";
    // No model knows this word of OpenAI's.
    thinking.effort = t.capabilities.nearestEffort(effort === "minimal" ? "low" : effort);
    return thinking;
  }
  // With a budget, turns of the assistant that called tools would have to bring their thinking blocks, which clients of
  // OpenAI's API never see; a turn that the model continues may have none.
  const room = maxTokens > LEAST_BUDGET && !conversation.lastAssistantCalls && !conversation.endsWithAssistant;
  if (style === "budget" && room && !forced) {
    thinking.type = "enabled";
    thinking.budget = budget < maxTokens ? budget : maxTokens - 1;
    return thinking;
  }
  return t.drop("reasoning_effort") ? thinking : null;
}

function turnOff(thinking: Thinking, t: Translation): boolean {
  const off = t.capabilities.thinkingOff;
  if (off === "default") return true;
  if (off.length > 0 && off !== "never") {
    thinking.type = off;
    return true;
  }
  thinking.effort = "low";
  return t.drop("reasoning_effort");
}

/** Tokens of thinking for models that want a number; 0 for a word that is no effort. */
function budgetOf(effort: string): i32 {
  if (effort === "minimal" || effort === "low") return LEAST_BUDGET;
  if (effort === "medium") return 2048;
  if (effort === "high") return 4096;
  if (effort === "xhigh") return 8192;
  return effort === "max" ? 16384 : 0;
}
