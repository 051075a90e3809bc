/** Which fields a Claude model refuses, by its family and version: the vendor gates by model, not by API version. */

export interface Gates {
  /** temperature, top_p, top_k are accepted. */
  sampling: boolean;
  /** temperature and top_p may come together. */
  bothSampling: boolean;
  /** The last turn may be the assistant's. */
  prefill: boolean;
  /** `tool_choice` any or tool. */
  forcedTools: boolean;
  /** `role: "system"` inside messages. */
  systemTurns: boolean;
  /** `thinking.type: "enabled"` with a budget. */
  budgetThinking: boolean;
  /** `thinking.type: "adaptive"`. */
  adaptiveThinking: boolean;
  /** `output_config.effort`. */
  effort: boolean;
}

export function gatesOf(model: string): Gates {
  const match = /^claude-([a-z]+)-(\d+)(?:-(\d{1,2}))?(?:-|$)/.exec(model);
  const family = match?.[1] ?? "";
  const version = match === null ? 4.5 : Number(`${match[2]}.${match[3] ?? 0}`);
  const forced = (family === "opus" || family === "sonnet") && version >= 5.5;
  return {
    sampling: version < 4.7,
    bothSampling: version < 4.1,
    prefill: version < 4.6,
    forcedTools: !(forced || ((family === "fable" || family === "mythos") && version >= 5.1)),
    systemTurns: version >= 5 || (family === "opus" && version >= 4.8),
    budgetThinking: version < 4.7,
    adaptiveThinking: version >= 4.6,
    effort: version >= 4.6 || (family === "opus" && version >= 4.5),
  };
}
