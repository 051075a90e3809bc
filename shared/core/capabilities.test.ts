import { describe, expect, it } from "vitest";
import { CALL_IDS, Capabilities, FORCED_TOOLS, MULTIMODAL, SYSTEM_TURNS } from "./capabilities.ts";
import { Json } from "./json.ts";
import { encodeUtf8 } from "./text.ts";

const read = (told: unknown) => Capabilities.read(Json.parse(encodeUtf8(JSON.stringify(told))) as Json);

describe("capabilities", () => {
  it("are read as they are told", () => {
    const told = read({
      refuses: ["stop", 1, "seed"],
      refuses_while_reasoning: ["top_p"],
      renames: { max_tokens: "max_completion_tokens", odd: null },
      efforts: ["low", "high"],
      default_effort: "none",
      effort_with_tools: "low",
      thinking: "budget",
      thinking_off: "disabled",
      max_thinking_budget: 24576,
      sampling: "one",
      max_output: 64000,
      forced_tools: true,
      call_ids: false,
      multimodal: true,
      of_tomorrow: { colour: "green" },
    });
    expect(told.refuses).toEqual(["stop", "seed"]);
    expect(told.refusesWhileReasoning).toEqual(["top_p"]);
    expect(told.renames).toEqual(["max_tokens", "max_completion_tokens"]);
    expect(told.efforts).toEqual(["low", "high"]);
    expect([told.defaultEffort, told.effortWithTools]).toEqual(["none", "low"]);
    expect([told.thinking, told.thinkingOff, told.maxThinkingBudget]).toEqual(["budget", "disabled", 24576]);
    expect([told.sampling, told.maxOutput]).toEqual(["one", 64000]);
    expect([FORCED_TOOLS, CALL_IDS, MULTIMODAL, SYSTEM_TURNS].map((flag) => told.has(flag))).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it.each([{}, [], "text", { refuses: "stop", renames: ["a"], efforts: {}, max_output: "many" }])(
    "of %j are those of the newest models",
    (told) => {
      const newest = read(told);
      expect([...newest.refuses, ...newest.renames, ...newest.efforts]).toEqual([]);
      expect([FORCED_TOOLS, SYSTEM_TURNS, CALL_IDS].map((flag) => newest.has(flag))).toEqual([false, true, true]);
      expect(newest.defaultOutput()).toBe(8192);
    },
  );

  it.each([
    [{ max_output: 4096 }, 4096],
    [{ max_output: 128000 }, 32000],
    [{ max_output: 128000, default_output: 50000 }, 50000],
  ])("%j: a client that names no maximum gets %i tokens", (told, expected) => {
    expect(read(told).defaultOutput()).toBe(expected);
  });

  it.each([
    [["low", "medium", "high"], "xhigh", "high"],
    [["low", "medium", "high"], "minimal", "low"],
    [["none", "low", "medium"], "minimal", "low"],
    [["minimal", "low"], "none", "minimal"],
    [["low", "high", "max"], "medium", "low"],
    [["low"], "low", "low"],
    [[], "max", "max"],
    [["none"], "high", "high"],
    [["low"], "utmost", "utmost"],
  ])("among the efforts %j, %s comes to %s", (efforts, asked, expected) => {
    expect(read({ efforts }).nearestEffort(asked)).toBe(expected);
  });
});
