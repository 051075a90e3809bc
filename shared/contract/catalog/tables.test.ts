import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { PublicData } from "./public-data.ts";
import { capabilityTable, type Overlay, overlaySchema, priceTable, tableText } from "./tables.ts";

const file = (name: string) => readFileSync(join(import.meta.dirname, name), "utf8");

/** A little of the public data, of the same shape. */
const data: PublicData = {
  source: "fixture 1",
  date: "2026-01-01",
  models: {
    "sample-of-no-vendor": { mode: "chat", input_cost_per_token: 1 },
    "gpt-9": {
      ...{ litellm_provider: "openai", mode: "chat", max_output_tokens: 1000, source: "https://vendor.example/prices" },
      ...{ input_cost_per_token: 0.0000025, cache_read_input_token_cost: 2.5e-7, output_cost_per_token: 0.000015 },
      ...{ input_cost_per_token_above_272k_tokens: 0.000005, output_cost_per_token_above_272k_tokens: 0.0000225 },
      ...{ input_cost_per_token_above_272k_tokens_batches: 1e-7, input_cost_per_token_batches: 1e-7 },
      ...{ supports_reasoning: true, supports_none_reasoning_effort: true, default_reasoning_effort: "none" },
      ...{ supports_max_reasoning_effort: true, supports_function_calling: true },
      supports_parallel_function_calling: false,
    },
    "gpt-9-2026-01-01": {
      ...{ litellm_provider: "openai", mode: "chat", max_output_tokens: 1000 },
      ...{ input_cost_per_token: 0.0000025, cache_read_input_token_cost: 2.5e-7, output_cost_per_token: 0.000015 },
      ...{ input_cost_per_token_above_272k_tokens: 0.000005, output_cost_per_token_above_272k_tokens: 0.0000225 },
      ...{ supports_reasoning: true, supports_none_reasoning_effort: true, default_reasoning_effort: "none" },
      ...{ supports_function_calling: true, supports_parallel_function_calling: false },
    },
    "gpt-9-mini": { litellm_provider: "openai", mode: "chat", input_cost_per_token: 1e-7, output_cost_per_token: 4e-7 },
    "gpt-9-live": { litellm_provider: "openai", mode: "realtime", input_cost_per_token: 1e-7 },
    "hd/1024-x-1024/gpt-9-image": { litellm_provider: "openai", mode: "image_generation", output_cost_per_image: 0.2 },
    "azure/gpt-9-mini": {
      litellm_provider: "azure",
      mode: "chat",
      input_cost_per_token: 1e-7,
      output_cost_per_token: 4e-7,
    },
    "azure/eu/gpt-9": { litellm_provider: "azure", mode: "chat", input_cost_per_token: 9, output_cost_per_token: 9 },
    "dashscope/qwen9": {
      ...{ litellm_provider: "dashscope", mode: "chat", supports_vision: true },
      tiered_pricing: [
        { range: [0, 32000], input_cost_per_token: 0.0000012, output_cost_per_token: 0.000006 },
        {
          ...{ range: [32000, 128000], input_cost_per_token: 0.0000024, output_cost_per_token: 0.000012 },
          output_cost_per_reasoning_token: 0.00002,
        },
      ],
    },
    "dashscope/qwen9-image": { litellm_provider: "dashscope", mode: "image_generation", output_cost_per_image: 0.035 },
    "gemini/gemini-9-image": {
      ...{ litellm_provider: "gemini", mode: "image_generation", input_cost_per_token: 0.000002 },
      ...{ output_cost_per_token: 0.000012, output_cost_per_image_token: 0.00012, output_cost_per_image: 0.134 },
    },
    "zai/glm-9-flash": { litellm_provider: "zai", mode: "chat", input_cost_per_token: 0, output_cost_per_token: 0 },
    "zai/glm-9": { litellm_provider: "zai", mode: "chat", input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
    "zai/glm-music": { litellm_provider: "zai", mode: "chat", input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
  },
};

const provenance = { source: "https://vendor.example/guide", date: "2026-02-02" };
const overlay: Overlay = {
  capabilities: [
    {
      ...{ kinds: ["openai", "azure"], ...provenance },
      families: [
        { model: "gpt-9*", capabilities: { refuses: ["stop"] } },
        { model: "gpt-*", capabilities: { refuses: ["seed"], max_output: 9 } },
      ],
      corrections: [{ model: "gpt-9-mini*", capabilities: { max_output: 77 } }],
    },
    { ...{ kinds: ["dashscope"], ...provenance }, families: [], corrections: [] },
  ],
  prices: [
    { kinds: ["zhipu"], model: "glm-9", price: { input: "1", cached_input: "0.1", output: "3" }, ...provenance },
  ],
  leave_out: ["glm-music"],
};

describe("the generator", () => {
  it("makes a row of each family, and one of each model about which more is known", () => {
    const effortless = { max_output: 1000, efforts: ["none", "low", "medium", "high"], default_effort: "none" };
    expect(capabilityTable(data, overlay).rows).toEqual([
      {
        ...{ kinds: ["openai", "azure"], model: "gpt-9*", date: "2026-01-01" },
        capabilities: { refuses: ["stop", "parallel_tool_calls"], ...effortless },
        source: "https://vendor.example/prices, https://vendor.example/guide",
      },
      { kinds: ["openai", "azure"], model: "gpt-*", capabilities: { refuses: ["seed"], max_output: 9 }, ...provenance },
      {
        ...{ kinds: ["openai", "azure"], model: "gpt-9-mini*", source: "fixture 1", date: "2026-01-01" },
        capabilities: { refuses: ["stop"], max_output: 77 },
      },
      {
        ...{ kinds: ["dashscope"], model: "qwen9*", source: "fixture 1", date: "2026-01-01" },
        capabilities: { multimodal: true },
      },
      {
        ...{ kinds: ["dashscope"], model: "qwen9-image*", source: "fixture 1", date: "2026-01-01" },
        capabilities: {},
      },
    ]);
  });

  it("makes a row of each price, exact, of what our endpoints serve", () => {
    const { rows, version } = priceTable(data, overlay);
    expect(rows.map(({ kinds, model, price }) => [kinds.join(), model, price])).toEqual([
      [
        "openai",
        "gpt-9",
        {
          ...{ input: "2.5", cached_input: "0.25", output: "15" },
          tiers: [{ above: 272000, input: "5", output: "22.5" }],
        },
      ],
      ["openai,azure", "gpt-9-mini", { input: "0.1", output: "0.4" }],
      ["gemini", "gemini-9-image", { input: "2", output: "120", reasoning: "12" }],
      [
        "dashscope",
        "qwen9",
        {
          ...{ input: "1.2", output: "6" },
          tiers: [{ above: 32000, input: "2.4", output: "12", reasoning: "20" }],
        },
      ],
      ["dashscope", "qwen9-image", { input: "0", output: "0", image: "0.035" }],
      ["zhipu", "glm-9", { input: "1", cached_input: "0.1", output: "3" }],
    ]);
    expect(priceTable(data, overlay).version).toBe(version);
    expect(priceTable(data, { ...overlay, prices: [] }).version).not.toBe(version);
  });

  it("writes a table as one row for each line, the same every time", () => {
    const table = priceTable(data, overlay);
    const text = tableText(table);
    expect(JSON.parse(text)).toEqual(table);
    expect(text.split("\n")).toHaveLength(table.rows.length + 4);
    expect(tableText(priceTable(structuredClone(data), structuredClone(overlay)))).toBe(text);
  });

  it("has put everything of the shipped overlay into the shipped tables", () => {
    const shipped = overlaySchema.parse(JSON.parse(file("overlay.json")));
    const none: PublicData = { source: "none", date: "2026-01-01", models: {} };
    const shippedRows = JSON.parse(file("capabilities.json")).rows.map(
      (row: { kinds: string[]; model: string }) => `${row.kinds} ${row.model}`,
    );
    for (const { kinds, model } of capabilityTable(none, shipped).rows)
      expect(shippedRows).toContain(`${kinds} ${model}`);
    const prices: { kinds: string[]; model: string; price: object }[] = JSON.parse(file("prices.json")).rows;
    for (const { kinds, model, price } of priceTable(none, shipped).rows) {
      expect(prices.find((row) => row.model === model && row.kinds.includes(kinds[0] ?? ""))?.price).toEqual(price);
    }
    expect(file("prices.json")).toBe(tableText(JSON.parse(file("prices.json"))));
    expect(file("capabilities.json")).toBe(tableText(JSON.parse(file("capabilities.json"))));
  });
});
