import { describe, expect, it } from "vitest";
import { nanoUsd } from "../money.ts";
import type { ProviderKind } from "../provider-kind.ts";
import capabilityTable from "./capabilities.json" with { type: "json" };
import { capabilitiesOf, listPrice } from "./lookup.ts";
import priceTable from "./prices.json" with { type: "json" };
import { capabilityTableSchema, priceTableSchema } from "./rows.ts";

describe("the shipped tables", () => {
  it("hold nothing but valid rows", () => {
    expect(capabilityTableSchema.safeParse(capabilityTable).error).toBeUndefined();
    expect(priceTableSchema.safeParse(priceTable).error).toBeUndefined();
  });

  it("have one row for each name of a kind", () => {
    for (const table of [capabilityTable, priceTable]) {
      const names = table.rows.flatMap(({ kinds, model }) => kinds.map((kind) => `${kind} ${model}`));
      expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    }
  });

  it("say what a price's cached prompt costs no more than the prompt, and a longer prompt no less", () => {
    for (const { model, price } of priceTableSchema.parse(priceTable).rows) {
      for (const rates of [price, ...(price.tiers ?? [])]) {
        const cached = nanoUsd(rates.cached_input ?? rates.input);
        expect(cached <= nanoUsd(rates.input), model).toBe(true);
        expect(nanoUsd(rates.input) >= nanoUsd(price.input), model).toBe(true);
      }
    }
  });
});

/** s, S: sampling, both; p prefill; f forced tools; t system turns; j structured; b, a: thinking by budget, adaptive; x: xhigh. */
function claude(model: string): [string, number | undefined, string | undefined] {
  const told = capabilitiesOf("anthropic", model) ?? {};
  const letters = [
    told.sampling !== "none" && "s",
    told.sampling === "both" && "S",
    told.prefill && "p",
    told.forced_tools && "f",
    told.system_turns && "t",
    told.structured_output && "j",
    told.thinking === "budget" && "b",
    told.thinking === "adaptive" && "a",
    told.efforts?.includes("xhigh") && "x",
  ];
  return [letters.filter(Boolean).join(""), told.max_output, told.thinking_off];
}

describe("what the catalog says of Claude", () => {
  it.each([
    ["claude-2.1", "sSpf", 4096, "default"],
    ["claude-3-opus-20240229", "sSpf", 4096, "default"],
    ["claude-3-5-haiku-latest", "sSpf", 8192, "default"],
    ["claude-3-7-sonnet-20250219", "sSpfb", 64000, "default"],
    ["claude-sonnet-4-20250514", "sSpfb", 64000, "default"],
    ["claude-opus-4-20250514", "sSpfb", 32000, "default"],
    ["claude-opus-4-1-20250805", "spfb", 32000, "default"],
    ["claude-sonnet-4-5-20250929", "spfjb", 64000, "default"],
    ["claude-haiku-4-5", "spfjb", 64000, "default"],
    ["claude-opus-4-5@20251101", "spfjb", 64000, "default"],
    ["us.anthropic.claude-sonnet-4-6-v1:0", "sfja", 128000, "default"],
    ["anthropic/claude-opus-4-6", "sfja", 128000, "default"],
    ["claude-opus-4-7", "fjax", 128000, "default"],
    ["claude-opus-4-8", "ftjax", 128000, "default"],
    ["claude-opus-5", "ftjax", 128000, "disabled"],
    ["claude-sonnet-5", "ftjax", 128000, "disabled"],
    ["claude-fable-5", "ftjax", 128000, "never"],
    ["claude-opus-5-5", "tjax", 128000, "never"],
    ["claude-sonnet-5-5", "tjax", 128000, "between_tools"],
    ["claude-haiku-5-5", "ftjax", 128000, "disabled"],
    ["claude-mythos-5-1", "tjax", 128000, "never"],
    ["claude-saga-9", "tjax", 128000, "never"],
    ["kimi-k2", "sSpfb", undefined, "default"],
  ])("%s", (model, letters, most, off) => {
    expect(claude(model)).toEqual([letters, most, off]);
  });
});

describe("capabilitiesOf", () => {
  it.each([
    ["openai", "gpt-5.4-mini-2026-03-17", { default_effort: "none", renames: { max_tokens: "max_completion_tokens" } }],
    ["openai", "gpt-6.1-sol", { efforts: ["low", "medium", "high", "xhigh"] }],
    ["openai", "gpt-9-nova", { renames: { max_tokens: "max_completion_tokens" } }],
    ["azure", "o4-mini", { efforts: ["low", "medium", "high"], max_output: 100000 }],
    ["openai", "ft:gpt-4.1-mini:acme::1", { refuses: ["reasoning_effort", "verbosity"] }],
    ["openai-compatible", "deepseek-v4", { renames: { max_completion_tokens: "max_tokens" } }],
    ["gemini", "models/gemini-2.5-pro", { thinking: "budget", max_thinking_budget: 32768 }],
    ["gemini", "gemini-3.8-flash", { thinking: "level", efforts: ["low", "medium", "high"] }],
    ["zhipu", "GLM-4.6V", { thinking: "switch" }],
    ["zhipu", "glm-6", { thinking: "effort", thinking_off: "never" }],
    ["dashscope", "qwen2.5-vl-72b-instruct", { multimodal: true }],
    ["dashscope", "text-embedding-v2", { embedding_batch: 25 }],
  ] as const)("of %s %s", (kind, model, expected) => {
    expect(capabilitiesOf(kind, model)).toMatchObject(expected);
  });

  it.each([
    ["vllm", "gpt-5"],
    ["openai", "whisper-1"],
    ["openai-compatible", "openai/gpt-5.4"],
  ] as [ProviderKind, string][])("says nothing of %s %s", (kind, model) => {
    expect(capabilitiesOf(kind, model)).toBeUndefined();
  });

  it("lays a provider's and a target's own words over it, field by field", () => {
    const own = capabilitiesOf("openai", "gpt-4o", { refuses: [], max_output: 5 }, { max_output: 7 });
    expect(own).toEqual({ refuses: [], max_output: 7 });
    expect(capabilitiesOf("vllm", "mine", undefined, { prefill: true })).toEqual({ prefill: true });
  });
});

describe("listPrice", () => {
  it.each([
    ["openai", "gpt-5.4", "2.5"],
    ["azure", "gpt-5.4-2026-03-05", "2.5"],
    ["openai", "ft:gpt-4o-2024-08-06:acme::id", "3.75"],
    ["anthropic", "claude-haiku-4-5-20251001", "1"],
    ["gemini", "models/gemini-2.5-flash", "0.3"],
    ["zhipu", "GLM-5.3", "1.4"],
    ["dashscope", "text-embedding-v4", "0.07"],
    ["openai", "gpt-5.4-maxi", undefined],
    ["openai-compatible", "gpt-5.4", undefined],
    ["vllm", "gpt-5.4", undefined],
  ] as const)("of %s %s is %s for the prompt", (kind, model, input) => {
    expect(listPrice(kind, model)?.input).toBe(input);
  });

  it("has the rates of long prompts, of thoughts and of images", () => {
    expect(listPrice("openai", "gpt-5.4")).toEqual({
      input: "2.5",
      cached_input: "0.25",
      output: "15",
      tiers: [{ above: 272000, input: "5", cached_input: "0.5", output: "22.5" }],
    });
    expect(listPrice("dashscope", "qwen-plus-latest")).toMatchObject({ output: "1.2", reasoning: "4" });
    expect(listPrice("zhipu", "glm-image")).toEqual({ input: "0", output: "0", image: "0.015" });
  });
});
