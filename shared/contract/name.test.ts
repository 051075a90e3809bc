import { describe, expect, it } from "vitest";
import { matchesModel } from "./name.ts";

describe("patterns of models", () => {
  it.each([
    ["gpt-4o", "gpt-4o", true],
    ["gpt-4o", "gpt-4o-mini", false],
    ["*", "anything/at:all", true],
    ["gpt-*", "gpt-", true],
    ["gpt-*", "xgpt-4", false],
    ["*-mini", "gpt-4o-mini", true],
    ["a*a", "a", false],
    ["a*b*c", "a-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["*b*b*", "b", false],
    ["*b*b*", "bb", true],
    ["a**b", "ab", true],
  ])("%s on %s: %s", (pattern, model, expected) => {
    expect(matchesModel(pattern, model)).toBe(expected);
  });
});
