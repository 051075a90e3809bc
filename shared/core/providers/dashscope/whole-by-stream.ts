import { Capabilities, STREAM_ONLY } from "../../capabilities.ts";
import { FALSE, Json } from "../../json.ts";

/**
 * Whether the chat must be asked for as a stream, and one of increments, whatever the client wants. Models that think, and
 * those that speak, say 400 to a call for a whole answer ("parameter.enable_thinking must be set to false for
 * non-streaming calls"). To stream does no model harm: one too many costs nothing.
 * @see https://help.aliyun.com/en/model-studio/deep-thinking
 * @see https://help.aliyun.com/en/model-studio/qwen-omni
 */
export function needsStream(capabilities: Capabilities, request: Json): boolean {
  if (capabilities.has(STREAM_ONLY)) return true;
  const enabled = request.value("enable_thinking");
  if (enabled != null) return enabled.kind !== FALSE;
  const effort = request.value("reasoning_effort");
  return effort != null ? !effort.is("none") : capabilities.defaultEffort !== "none";
}
