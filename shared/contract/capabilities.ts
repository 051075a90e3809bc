import { z } from "zod";

/** The words of `reasoning_effort`, from none to most. */
export const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

const field = z
  .string({ error: "must be the name of a request's field" })
  .regex(/^[a-z][a-z0-9_]{0,63}$/, { error: "must be the name of a request's field" });
const fields = z
  .array(field, { error: "must be a list of a request's fields" })
  .max(64, { error: "must have at most 64 entries" });
const effort = z.enum(efforts, { error: `must be one of ${efforts.join(", ")}` });
const yesOrNo = z.boolean({ error: "must be true or false" });
const count = (most: number) => {
  const error = `must be a whole number from 1 to ${most}`;
  return z.int({ error }).min(1, { error }).max(most, { error });
};
const tokens = count(2_147_483_647);
const oneOf = <const Words extends readonly string[]>(...words: Words) =>
  z.enum(words, { error: `must be one of ${words.join(", ")}` });

/**
 * What one model accepts and what it cannot do. Everything may be absent: the newest models of a kind need hardly any of
 * it, so a model that nobody has written down yet is taken for one of those.
 */
export const capabilitiesSchema = z
  .strictObject(
    {
      refuses: fields.describe("the provider answers 400 to these fields"),
      refuses_while_reasoning: fields.describe("as refuses, unless the model is told not to reason"),
      renames: z
        .record(field, field, { error: "must map fields to fields" })
        .describe("what the provider calls a field, such as max_tokens: max_completion_tokens"),
      max_output: tokens.describe("the most output tokens that may be asked for"),
      default_output: tokens.describe("output tokens for a client that names no maximum, where the provider wants one"),
      efforts: z
        .array(effort, { error: "must be a list of efforts" })
        .max(efforts.length, { error: `must have at most ${efforts.length} entries` })
        .describe("the words of reasoning_effort that the model takes; absent: all of them"),
      default_effort: effort.describe("how hard the model reasons untold; absent: it reasons"),
      effort_with_tools: effort.describe("the only effort at which the model takes tools in a chat completion"),
      thinking: oneOf("none", "switch", "effort", "budget", "adaptive", "level").describe(
        "how the provider is asked for thinking",
      ),
      thinking_off: oneOf("default", "disabled", "between_tools", "never").describe(
        "default: it does not think unasked; disabled, between_tools: the word that turns it off; never: nothing does",
      ),
      max_thinking_budget: tokens,
      sampling: oneOf("both", "one", "none").describe(
        "anthropic: temperature and top_p together, one of them, or neither",
      ),
      forced_tools: yesOrNo.describe("tool_choice may force a call"),
      prefill: yesOrNo.describe("the conversation may end with the assistant's turn"),
      penalties: yesOrNo.describe("gemini: presence and frequency penalties"),
      system_turns: yesOrNo.describe("anthropic: system messages in the middle of a conversation"),
      structured_output: yesOrNo.describe("answers can be held to a JSON Schema"),
      json_with_tools: yesOrNo.describe("gemini: a JSON answer may be asked for beside tools"),
      call_ids: yesOrNo.describe("gemini: ids in function calls and their results"),
      thought_signatures: yesOrNo.describe("gemini: a step's first call must bring its signature back"),
      image_sizes: yesOrNo.describe("gemini: a size of images may be asked for beside their proportions"),
      multimodal: yesOrNo.describe("dashscope: served by the multimodal service, even for text"),
      stream_only: yesOrNo.describe("dashscope: refuses calls that are no stream"),
      embedding_batch: count(2048).describe("the most inputs of one call for embeddings"),
    },
    { error: "must be a map of capabilities" },
  )
  .partial()
  .meta({ id: "capabilities", description: "What a model accepts; laid over what the catalog knows of it." });

export type Capabilities = z.output<typeof capabilitiesSchema>;
