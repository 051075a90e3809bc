import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatUsd, nanoUsd, parseUsd, usdSchema } from "./money.ts";

describe("money", () => {
  it.each([
    [3, "3", 3_000_000_000n],
    [0.3, "0.3", 300_000_000n],
    ["3.750", "3.75", 3_750_000_000n],
    [1e-9, "0.000000001", 1n],
    [0.0000005, "0.0000005", 500n],
    ["4000000000", "4000000000", 4_000_000_000_000_000_000n],
    ["123456789.123456789", "123456789.123456789", 123_456_789_123_456_789n],
    [0, "0", 0n],
  ])("%j is %s USD, %i nano-USD", (given, normal, nano) => {
    expect(usdSchema.parse(given)).toBe(normal);
    expect(nanoUsd(normal)).toBe(nano);
  });

  it.each([
    -1,
    0.1 + 0.2,
    1e-10,
    "0.0000000001",
    "1,5",
    "",
    " 1",
    "1e999",
    "$5",
    4_000_000_001,
    NaN,
    Infinity,
    null,
    true,
  ])("refuses %j", (value) => {
    expect(usdSchema.safeParse(value).success).toBe(false);
  });

  it("takes a number only where a double keeps every digit", () => {
    expect(usdSchema.safeParse(12345.123456789).success).toBe(true);
    expect(usdSchema.safeParse(1234567.123456789).error?.issues[0]?.message).toMatch(/in quotes/);
    expect(usdSchema.parse("1234567.123456789")).toBe("1234567.123456789");
  });

  it("reads back what it writes", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 4n * 10n ** 18n }), (nano) => parseUsd(formatUsd(nano)) === nano),
      { numRuns: 500 },
    );
  });
});
