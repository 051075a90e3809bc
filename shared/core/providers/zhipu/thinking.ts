import { Json, STRING } from "../../json.ts";
import { RequestTranslation as Translation } from "../../translation.ts";

/** It knows no thinking: nothing may be said of it. */
const NO_THINKING: i32 = 0;
/** It can be switched on and off. */
const SWITCH: i32 = 1;
/** It can also be told how hard to think, in OpenAI's words. */
const EFFORT: i32 = 2;
/** It always thinks, and is told low, high or max. */
const ALWAYS: i32 = 3;

/** What the models whose names begin with `prefix` understand of thinking. */
class ThinkingModel {
  readonly prefix: string;
  readonly ability: i32;

  constructor(prefix: string, ability: i32) {
    this.prefix = prefix;
    this.ability = ability;
  }
}

/**
 * The first row that fits counts.
 * @see https://docs.bigmodel.cn/cn/guide/capabilities/thinking (2026-11)
 */
const MODELS: Array<ThinkingModel> = [
  new ThinkingModel("glm-5.3", ALWAYS),
  new ThinkingModel("glm-5.2", EFFORT),
  new ThinkingModel("glm-5", SWITCH),
  new ThinkingModel("glm-4.5", SWITCH),
  new ThinkingModel("glm-4.6", SWITCH),
  new ThinkingModel("glm-4.7", SWITCH),
  // The generations before 4.5: glm-4-plus, glm-4v, glm-4.1v-thinking (which thinks unasked) and so on.
  new ThinkingModel("glm-4", NO_THINKING),
  new ThinkingModel("glm-3", NO_THINKING),
  new ThinkingModel("glm-z1", NO_THINKING),
];

function abilityOf(model: string): i32 {
  const name = model.toLowerCase();
  for (let i: i32 = 0; i < MODELS.length; i++) {
    if (name.startsWith(MODELS[i]!.prefix)) return MODELS[i]!.ability;
  }
  return SWITCH;
}

/** Writes OpenAI's `reasoning_effort` in the terms of the model; false when it must be refused (`t.problem`). */
export function writeThinking(effort: Json, model: string, t: Translation): boolean {
  if (effort.kind !== STRING) return t.refuse("reasoning_effort", "'reasoning_effort' must be a string.");
  const ability = abilityOf(model);
  if (ability === NO_THINKING) return t.drop("reasoning_effort");
  const none = effort.is("none") || effort.is("minimal");
  if (ability === ALWAYS) {
    if (none && !t.drop("reasoning_effort")) return false;
    const low = none || effort.is("low");
    const most = effort.is("xhigh") || effort.is("max");
    t.w.key("reasoning_effort").string(low ? "low" : most ? "max" : "high");
    return true;
  }
  t.w
    .key("thinking")
    .object()
    .key("type")
    .string(none ? "disabled" : "enabled")
    .end();
  if (ability === EFFORT && !none) t.w.key("reasoning_effort").json(effort);
  return true;
}
