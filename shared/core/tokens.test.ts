import { expect, test } from "vitest";
import { Json } from "./json.ts";
import { estimatePrompt, estimateTokens } from "./tokens.ts";

function prompt(request: unknown): number {
  const json = Json.parse(new TextEncoder().encode(JSON.stringify(request)));
  if (json === null) throw new Error("not JSON");
  return estimatePrompt(json);
}

test("four bytes are a token, a part of one too", () => {
  expect([0, 1, 4, 5, 8].map(estimateTokens)).toEqual([0, 1, 1, 2, 2]);
});

test("messages count their text and their overhead", () => {
  expect(prompt({ messages: [] })).toBe(3);
  const one = prompt({ messages: [{ role: "user", content: "x".repeat(400) }] });
  expect(one).toBeGreaterThanOrEqual(106);
  expect(one).toBeLessThan(112);
});

test("parts, tools, prompts and inputs count; other members do not", () => {
  const text = "x".repeat(400);
  const parts = prompt({ messages: [{ role: "user", content: [{ type: "text", text }] }] });
  expect(parts).toBeGreaterThanOrEqual(106);
  expect(prompt({ input: [text, text] })).toBe(200);
  expect(prompt({ prompt: text })).toBe(100);
  expect(prompt({ tools: [{ function: { description: text } }] })).toBe(100);
  expect(prompt({ user: text, model: text })).toBe(0);
});

test("an image counts as an image, not by its bytes", () => {
  const image = { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(1_000_000)}` } };
  const tokens = prompt({ messages: [{ role: "user", content: [image] }] });
  expect(tokens).toBeGreaterThan(80);
  expect(tokens).toBeLessThan(200);
});

test("text beyond a bound counts as that bound", () => {
  expect(prompt({ prompt: "x".repeat(3_000_000) })).toBe(262_144);
});
