/** `temperature`, `top_p` and `top_k` are accepted (API version 2023-06-01). */
export const SAMPLING: i32 = 1;
/** `temperature` and `top_p` may come together. */
export const BOTH_SAMPLING: i32 = 2;
/** The conversation may end with the assistant's turn, which the model then continues. */
export const PREFILL: i32 = 4;
/** `tool_choice` may be `any` or `tool`. */
export const FORCED_TOOLS: i32 = 8;
/** `role: "system"` is accepted after a user's turn. */
export const SYSTEM_TURNS: i32 = 16;
/** `output_config.format` and strict tools. */
export const STRUCTURED: i32 = 32;
/** `thinking: {"type":"enabled","budget_tokens"}`; such a model wants thinking blocks back while tools run. */
export const BUDGET_THINKING: i32 = 64;
/** `thinking: {"type":"adaptive"}`, with `output_config.effort` from low to high, and max. */
export const ADAPTIVE_THINKING: i32 = 128;
/** `output_config.effort`: xhigh. */
export const XHIGH_EFFORT: i32 = 256;

/** The model does not think unless it is asked to. */
export const THINKS_ON_DEMAND: string = "";
/** Nothing turns the model's thinking off. */
export const THINKS_ALWAYS: string = "always";

/** What the models whose name starts with `prefix` accept. */
export class Capability {
  readonly prefix: string;
  /** The most output tokens that may be asked for; 0 when no bound is known. */
  readonly maxTokens: i32;
  /** A sum of the constants above. */
  private readonly accepted: i32;
  /** The `thinking.type` that turns thinking off, THINKS_ON_DEMAND or THINKS_ALWAYS. */
  readonly thinkingOff: string;

  constructor(prefix: string, maxTokens: i32, accepted: i32, thinkingOff: string) {
    this.prefix = prefix;
    this.maxTokens = maxTokens;
    this.accepted = accepted;
    this.thinkingOff = thinkingOff;
  }

  has(what: i32): boolean {
    return (this.accepted & what) === what;
  }

  /**
   * `max_tokens` for a client that names none. Output tokens are charged against the rate limit beforehand, so the
   * model's own maximum would starve other calls.
   */
  defaultMaxTokens(): i32 {
    if (this.maxTokens === 0) return 8192;
    return this.maxTokens < 32000 ? this.maxTokens : 32000;
  }
}

const CLASSIC: i32 = SAMPLING | BOTH_SAMPLING | PREFILL | FORCED_TOOLS;
const CLAUDE_4_1: i32 = SAMPLING | PREFILL | FORCED_TOOLS | BUDGET_THINKING;
const CLAUDE_4_5: i32 = CLAUDE_4_1 | STRUCTURED;
const CLAUDE_4_6: i32 = SAMPLING | FORCED_TOOLS | STRUCTURED | ADAPTIVE_THINKING;
const CLAUDE_5_5: i32 = STRUCTURED | ADAPTIVE_THINKING | XHIGH_EFFORT | SYSTEM_TURNS;
const CLAUDE_5: i32 = CLAUDE_5_5 | FORCED_TOOLS;
const CLAUDE_4_7: i32 = STRUCTURED | ADAPTIVE_THINKING | XHIGH_EFFORT | FORCED_TOOLS;

/**
 * Of the rows that fit, the one with the longest prefix counts. The row `claude-` stands for models yet to come, the last
 * for other vendors' models behind the same API. Looked up on 2026-11-23.
 * @see https://platform.claude.com/docs/en/about-claude/models/overview
 * @see https://platform.claude.com/docs/en/about-claude/models/migration-guide
 * @see https://platform.claude.com/docs/en/build-with-claude/effort
 * @see https://platform.claude.com/docs/en/build-with-claude/structured-outputs
 * @see https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages
 */
const CAPABILITIES: Array<Capability> = [
  new Capability("claude-2", 4096, CLASSIC, THINKS_ON_DEMAND),
  new Capability("claude-instant", 4096, CLASSIC, THINKS_ON_DEMAND),
  new Capability("claude-3-", 4096, CLASSIC, THINKS_ON_DEMAND),
  new Capability("claude-3-5-", 8192, CLASSIC, THINKS_ON_DEMAND),
  new Capability("claude-3-7-", 64000, CLASSIC | BUDGET_THINKING, THINKS_ON_DEMAND),
  new Capability("claude-sonnet-4", 64000, CLASSIC | BUDGET_THINKING, THINKS_ON_DEMAND),
  new Capability("claude-opus-4", 32000, CLASSIC | BUDGET_THINKING, THINKS_ON_DEMAND),
  new Capability("claude-opus-4-1", 32000, CLAUDE_4_1, THINKS_ON_DEMAND),
  new Capability("claude-haiku-4", 64000, CLAUDE_4_5, THINKS_ON_DEMAND),
  new Capability("claude-sonnet-4-5", 64000, CLAUDE_4_5, THINKS_ON_DEMAND),
  new Capability("claude-opus-4-5", 64000, CLAUDE_4_5, THINKS_ON_DEMAND),
  new Capability("claude-sonnet-4-6", 128000, CLAUDE_4_6, THINKS_ON_DEMAND),
  new Capability("claude-opus-4-6", 128000, CLAUDE_4_6, THINKS_ON_DEMAND),
  new Capability("claude-opus-4-7", 128000, CLAUDE_4_7, THINKS_ON_DEMAND),
  new Capability("claude-opus-4-8", 128000, CLAUDE_4_7 | SYSTEM_TURNS, THINKS_ON_DEMAND),
  new Capability("claude-mythos-preview", 128000, CLAUDE_4_7, THINKS_ALWAYS),
  new Capability("claude-opus-5", 128000, CLAUDE_5, "disabled"),
  new Capability("claude-sonnet-5", 128000, CLAUDE_4_7, "disabled"),
  new Capability("claude-fable-5", 128000, CLAUDE_5, THINKS_ALWAYS),
  new Capability("claude-mythos-5", 128000, CLAUDE_5, THINKS_ALWAYS),
  new Capability("claude-opus-5-5", 128000, CLAUDE_5_5, THINKS_ALWAYS),
  new Capability("claude-sonnet-5-5", 128000, CLAUDE_5_5, "between_tools"),
  new Capability("claude-haiku-5-5", 128000, CLAUDE_5, "disabled"),
  new Capability("claude-fable-5-1", 128000, CLAUDE_5_5, THINKS_ALWAYS),
  new Capability("claude-mythos-5-1", 128000, CLAUDE_5_5, THINKS_ALWAYS),
  new Capability("claude-", 128000, CLAUDE_5_5, THINKS_ALWAYS),
  new Capability("", 0, CLASSIC | BUDGET_THINKING, THINKS_ON_DEMAND),
];

/** The row of this model; what a cloud puts before the name (`us.anthropic.`, `anthropic/`) does not matter. */
export function capabilityOf(model: string): Capability {
  const at = model.indexOf("claude-");
  const name = at > 0 ? model.substring(at) : model;
  let found = CAPABILITIES[0]!;
  let longest: i32 = -1;
  for (let i: i32 = 0; i < CAPABILITIES.length; i++) {
    const row = CAPABILITIES[i]!;
    if (row.prefix.length > longest && name.startsWith(row.prefix)) {
      found = row;
      longest = row.prefix.length;
    }
  }
  return found;
}
