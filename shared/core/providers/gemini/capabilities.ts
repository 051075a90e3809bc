/** `responseJsonSchema`. */
export const JSON_SCHEMA: i32 = 1;
/** A JSON answer may be asked for beside tools. */
export const JSON_WITH_TOOLS: i32 = 2;
/** `presencePenalty` and `frequencyPenalty`. */
export const PENALTIES: i32 = 4;
/** `id` in calls and their results; other models answer 400 to it. */
export const CALL_IDS: i32 = 8;
/** The first call of each step must bring back its `thoughtSignature`. */
export const SIGNATURES: i32 = 16;
/** `thinkingConfig.thinkingBudget`, in tokens. */
export const BUDGET: i32 = 32;
/** The budget may be 0. */
export const NO_THINKING: i32 = 64;
/** `thinkingConfig.thinkingLevel`: low and high. */
export const LEVELS: i32 = 128;
export const LEVEL_MINIMAL: i32 = 256;
export const LEVEL_MEDIUM: i32 = 512;
/** `imageConfig.imageSize`, of models that make images. */
export const IMAGE_SIZES: i32 = 1024;

/** What the models whose name starts with `prefix` accept. */
export class Capability {
  readonly prefix: string;
  /** A sum of the constants above. */
  private readonly accepted: i32;
  /** The largest thinking budget, in tokens. */
  readonly largestBudget: i32;

  constructor(prefix: string, accepted: i32, largestBudget: i32) {
    this.prefix = prefix;
    this.accepted = accepted;
    this.largestBudget = largestBudget;
  }

  has(what: i32): boolean {
    return (this.accepted & what) === what;
  }
}

const GEMINI_2: i32 = JSON_SCHEMA | PENALTIES;
const GEMINI_3: i32 = JSON_SCHEMA | JSON_WITH_TOOLS | CALL_IDS | SIGNATURES | LEVELS | IMAGE_SIZES;

/**
 * Of the rows that fit, the one with the longest prefix counts. The row `gemini-` stands for models yet to come and for
 * names such as `gemini-flash-latest`, the first for other models behind the same API. Looked up on 2026-11-23.
 * @see https://ai.google.dev/gemini-api/docs/thinking
 * @see https://ai.google.dev/gemini-api/docs/thought-signatures
 * @see https://ai.google.dev/gemini-api/docs/structured-output
 */
const CAPABILITIES: Array<Capability> = [
  new Capability("", 0, 0),
  new Capability("gemini-1", PENALTIES, 0),
  new Capability("gemini-2", GEMINI_2, 0),
  new Capability("gemini-2.5-", GEMINI_2 | BUDGET | NO_THINKING, 24576),
  new Capability("gemini-2.5-pro", GEMINI_2 | BUDGET, 32768),
  new Capability("gemini-2.5-flash-image", GEMINI_2, 0),
  new Capability("gemini-3-pro", GEMINI_3, 0),
  new Capability("gemini-3.1-pro", GEMINI_3 | LEVEL_MEDIUM, 0),
  new Capability("gemini-", GEMINI_3 | LEVEL_MINIMAL | LEVEL_MEDIUM, 0),
];

/** The row of this model; what stands before the name (`models/`) does not matter. */
export function capabilityOf(model: string): Capability {
  const at = model.indexOf("gemini-");
  const name = at > 0 ? model.substring(at) : model;
  let found = CAPABILITIES[0]!;
  for (let i: i32 = 0; i < CAPABILITIES.length; i++) {
    const row = CAPABILITIES[i]!;
    if (row.prefix.length > found.prefix.length && name.startsWith(row.prefix)) found = row;
  }
  return found;
}
