import { Json, STRING } from "../../json.ts";
import { RequestTranslation as Translation } from "../../translation.ts";

/**
 * Writes OpenAI's `reasoning_effort` in the terms of the model; false when it must be refused (`t.problem`).
 * @see https://docs.bigmodel.cn/cn/guide/capabilities/thinking (2026-11)
 */
export function writeThinking(effort: Json, t: Translation): boolean {
  if (effort.kind !== STRING) return t.refuse("reasoning_effort", "'reasoning_effort' must be a string.");
  const capabilities = t.capabilities;
  const style = capabilities.thinking;
  if (style === "none") return t.drop("reasoning_effort");
  const none = effort.is("none") || effort.is("minimal");
  if (style !== "switch" && capabilities.thinkingOff !== "disabled") {
    // It always thinks, and is told low, high or max.
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
  if (style !== "switch" && !none) t.w.key("reasoning_effort").json(effort);
  return true;
}
