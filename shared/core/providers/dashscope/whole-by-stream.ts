import { FALSE, Json } from "../../json.ts";

/**
 * What the names of models have that answer in streams only: those that always think, and those that speak. To a call for
 * a whole answer they say 400 ("parameter.enable_thinking must be set to false for non-streaming calls"). To stream does
 * no model harm: a name too many costs nothing.
 * @see https://help.aliyun.com/en/model-studio/deep-thinking
 * @see https://help.aliyun.com/en/model-studio/qwen-omni
 */
const STREAMED_NAMES: Array<string> = ["qwq", "qvq", "-thinking", "omni"];
/** The open models of this generation think unless they are told not to; their names go on with their size. */
const OPEN_QWEN3: string = "qwen3-";

/** Whether the chat must be asked for as a stream, and one of increments, whatever the client wants. */
export function needsStream(model: string, request: Json): boolean {
  for (let i: i32 = 0; i < STREAMED_NAMES.length; i++) {
    if (model.includes(STREAMED_NAMES[i]!)) return true;
  }
  const enabled = request.value("enable_thinking");
  if (enabled != null) return enabled.kind !== FALSE;
  const effort = request.value("reasoning_effort");
  return effort != null ? !effort.is("none") : thinksUnasked(model);
}

function thinksUnasked(model: string): boolean {
  if (!model.startsWith(OPEN_QWEN3) || model.length === OPEN_QWEN3.length) return false;
  const c = model.charCodeAt(OPEN_QWEN3.length);
  return c >= 0x30 && c <= 0x39;
}
