import { expect, it } from "vitest";
import {
  ADAPTIVE_THINKING,
  BOTH_SAMPLING,
  BUDGET_THINKING,
  capabilityOf,
  FORCED_TOOLS,
  PREFILL,
  SAMPLING,
  STRUCTURED,
  SYSTEM_TURNS,
  XHIGH_EFFORT,
} from "./capabilities.ts";

const NAMES = {
  SAMPLING,
  BOTH_SAMPLING,
  PREFILL,
  FORCED_TOOLS,
  SYSTEM_TURNS,
  STRUCTURED,
  BUDGET_THINKING,
  ADAPTIVE_THINKING,
  XHIGH_EFFORT,
};
const letters: Record<keyof typeof NAMES, string> = {
  SAMPLING: "s",
  BOTH_SAMPLING: "S",
  PREFILL: "p",
  FORCED_TOOLS: "f",
  SYSTEM_TURNS: "t",
  STRUCTURED: "j",
  BUDGET_THINKING: "b",
  ADAPTIVE_THINKING: "a",
  XHIGH_EFFORT: "x",
};

it.each([
  ["claude-2.1", "sSpf", 4096, ""],
  ["claude-3-opus-20240229", "sSpf", 4096, ""],
  ["claude-3-5-haiku-latest", "sSpf", 8192, ""],
  ["claude-3-7-sonnet-20250219", "sSpfb", 64000, ""],
  ["claude-sonnet-4-20250514", "sSpfb", 64000, ""],
  ["claude-opus-4-20250514", "sSpfb", 32000, ""],
  ["claude-opus-4-1-20250805", "spfb", 32000, ""],
  ["claude-sonnet-4-5-20250929", "spfjb", 64000, ""],
  ["claude-haiku-4-5", "spfjb", 64000, ""],
  ["claude-opus-4-5@20251101", "spfjb", 64000, ""],
  ["us.anthropic.claude-sonnet-4-6-v1:0", "sfja", 128000, ""],
  ["anthropic/claude-opus-4-6", "sfja", 128000, ""],
  ["claude-opus-4-7", "fjax", 128000, ""],
  ["claude-opus-4-8", "ftjax", 128000, ""],
  ["claude-opus-5", "ftjax", 128000, "disabled"],
  ["claude-sonnet-5", "fjax", 128000, "disabled"],
  ["claude-fable-5", "ftjax", 128000, "always"],
  ["claude-opus-5-5", "tjax", 128000, "always"],
  ["claude-sonnet-5-5", "tjax", 128000, "between_tools"],
  ["claude-haiku-5-5", "ftjax", 128000, "disabled"],
  ["claude-mythos-5-1", "tjax", 128000, "always"],
  ["claude-saga-9", "tjax", 128000, "always"],
  ["kimi-k2", "sSpfb", 0, ""],
])("%s", (model, expected, maxTokens, thinkingOff) => {
  const capability = capabilityOf(model);
  const has = (Object.keys(NAMES) as (keyof typeof NAMES)[]).filter((name) => capability.has(NAMES[name]));
  expect(has.map((name) => letters[name]).join("")).toBe(expected);
  expect(capability.maxTokens).toBe(maxTokens);
  expect(capability.thinkingOff).toBe(thinkingOff);
});
