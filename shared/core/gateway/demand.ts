import { Capabilities } from "../capabilities.ts";
import { CHAT, ClientRequest, COMPLETIONS, IMAGE_EDITS, IMAGES } from "../exchange.ts";
import { ARRAY } from "../json.ts";
import { estimatePrompt } from "../tokens.ts";

/** Few answers that nobody bounds are longer, though the model's default may be. */
const USUAL_OUTPUT: i32 = 4096;

/**
 * The most that a call may use, told before it is sent: the prompt by estimate, and as many output tokens as the client
 * allows, or the model's default, if that is not above what is usual, when it says nothing.
 */
export class Demand {
  readonly prompt: f64;
  /** Output tokens of all choices. */
  readonly output: f64;
  /** The client itself said how many. */
  readonly bounded: boolean;
  readonly images: f64;

  constructor(call: ClientRequest, model: Capabilities) {
    const json = call.json;
    this.prompt = estimatePrompt(json) as f64;
    let output: f64 = 0;
    let images: f64 = 0;
    let bounded = true;
    if (call.endpoint === CHAT || call.endpoint === COMPLETIONS) {
      const asked = json.count32("max_completion_tokens", json.count32("max_tokens", 0));
      bounded = asked > 0;
      const most = model.defaultOutput();
      const each: i32 = bounded ? asked : most < USUAL_OUTPUT ? most : USUAL_OUTPUT;
      output = (each as f64) * (choices(call) as f64);
    } else if (call.endpoint === IMAGES || call.endpoint === IMAGE_EDITS) images = choices(call) as f64;
    this.images = images;
    this.output = output;
    this.bounded = bounded;
  }
}

/** How many answers are asked for: `n` of each prompt. */
function choices(call: ClientRequest): i32 {
  const n = call.json.count32("n", 1);
  const each: i32 = n < 1 ? 1 : n;
  const prompt = call.endpoint === COMPLETIONS ? call.json.value("prompt") : null;
  if (prompt == null || prompt.kind !== ARRAY) return each;
  const prompts = prompt.count();
  return prompts > 1 && prompts < 10000 ? each * prompts : each;
}
