import fc from "fast-check";
import { expect, it } from "vitest";
import { matches } from "./pattern.ts";

it.each([
  ["gpt-4o", "gpt-4o"],
  ["gpt-*", "gpt-4o"],
  ["gpt-*", "gpt-"],
  ["*", ""],
  ["*", "anything/at:all"],
  ["*-mini", "gpt-5.4-mini"],
  ["claude-*-4-*", "claude-sonnet-4-6"],
  ["a*b*c", "abbbcbc"],
  ["*ab", "aab"],
  ["**", "x"],
  ["", ""],
])("%s matches %s", (pattern, name) => {
  expect(matches(pattern, name)).toBe(true);
});

it.each([
  ["gpt-4o", "gpt-4o-mini"],
  ["gpt-4o-mini", "gpt-4o"],
  ["gpt-*", "GPT-4o"],
  ["gpt-*", "my-gpt-4o"],
  ["*-mini", "gpt-mini-2"],
  ["a*b*c", "acb"],
  ["ab*ab", "ab"],
  ["", "x"],
  ["x", ""],
  ["gpt.4", "gpt-4"],
])("%s does not match %s", (pattern, name) => {
  expect(matches(pattern, name)).toBe(false);
});

it("says what a regular expression says", () => {
  const texts = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 8 });
  const patterns = fc.string({ unit: fc.constantFrom("a", "b", ".", "*"), maxLength: 8 });
  fc.assert(
    fc.property(patterns, texts, (pattern, name) => {
      const expression = new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
      expect(matches(pattern, name)).toBe(expression.test(name));
    }),
    { numRuns: 2000 },
  );
});

it("ends at once where backtracking would take for ever", { timeout: 2000 }, () => {
  expect(matches(`${"a*".repeat(60)}b`, "a".repeat(5000))).toBe(false);
});
