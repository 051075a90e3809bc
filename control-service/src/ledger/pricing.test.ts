import { isDeepStrictEqual } from "node:util";
import { listPrice, MAX_IMAGES, nanoUsd, type Usage } from "@oneapi/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { charge, cost, listPriceOf, price, priceOf } from "./pricing.ts";

const count = fc.integer({ min: 0, max: 2_147_483_647 });
const usage = fc.record({
  prompt_tokens: count,
  cached_tokens: count,
  cache_write_tokens: count,
  completion_tokens: count,
  reasoning_tokens: count,
  images: fc.integer({ min: 0, max: MAX_IMAGES }),
});
/** Up to 1,000,000 USD per million tokens, in nano-USD. */
const rate = fc.bigInt({ min: 0n, max: 10n ** 15n });
const tokenRates = { input: rate, cachedInput: rate, cacheWrite: rate, output: rate, reasoning: rate };
const tiers = fc.uniqueArray(fc.record({ above: count, ...tokenRates }), {
  maxLength: 3,
  selector: ({ above }) => above,
});
const rates = fc.record({
  ...tokenRates,
  /** Up to 1,000 USD. */
  image: fc.bigInt({ min: 0n, max: 10n ** 12n }),
  tiers: tiers.map((tiers) => tiers.toSorted((left, right) => left.above - right.above)),
});

const tokens = (given: Partial<Usage>): Usage => ({
  prompt_tokens: 0,
  cached_tokens: 0,
  cache_write_tokens: 0,
  completion_tokens: 0,
  reasoning_tokens: 0,
  images: 0,
  ...given,
});

describe("cost", () => {
  it("is the exact rational cost, rounded half up", () => {
    fc.assert(
      fc.property(usage, rates, (usage, rates) => {
        // In millionths of a nano-USD, so that nothing is rounded: |cost * 10^6 - exact| is at most half of 10^6.
        const rest = Math.max(0, usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens);
        const thought = Math.min(usage.reasoning_tokens, usage.completion_tokens);
        const reached = rates.tiers.filter(({ above }) => above < usage.prompt_tokens);
        const tier = reached.at(-1) ?? rates;
        const exact =
          BigInt(rest) * tier.input +
          BigInt(usage.cached_tokens) * tier.cachedInput +
          BigInt(usage.cache_write_tokens) * tier.cacheWrite +
          BigInt(usage.completion_tokens - thought) * tier.output +
          BigInt(thought) * tier.reasoning +
          BigInt(usage.images) * rates.image * 1_000_000n;
        const difference = cost(usage, rates) * 1_000_000n - exact;
        expect(difference).toBeGreaterThan(-500_000n);
        expect(difference).toBeLessThanOrEqual(500_000n);
      }),
    );
  });

  it("fits PostgreSQL's bigint when the cached tokens are a part of the prompt", () => {
    fc.assert(
      fc.property(usage, rates, (usage, rates) => {
        const cached = Math.min(usage.cached_tokens, usage.prompt_tokens);
        const written = Math.min(usage.cache_write_tokens, usage.prompt_tokens - cached);
        expect(cost({ ...usage, cached_tokens: cached, cache_write_tokens: written }, rates)).toBeLessThan(2n ** 63n);
      }),
    );
  });

  it("never falls when a count grows, but for tokens that move from the prompt to the cache", () => {
    fc.assert(
      fc.property(usage, rates, count, (usage, rates, more) => {
        const grown = { ...usage, completion_tokens: usage.completion_tokens + more };
        expect(cost(grown, rates)).toBeGreaterThanOrEqual(cost(usage, rates));
      }),
    );
  });

  it.each([
    // 1,000 prompt tokens of which 400 cached and 100 written, 200 completion tokens:
    // 500 * 3 + 400 * 0.3 + 100 * 3.75 + 200 * 15 = 4,995 millionths of a USD
    [{ prompt_tokens: 1000, cached_tokens: 400, cache_write_tokens: 100, completion_tokens: 200 }, 4_995_000n],
    [{ prompt_tokens: 1 }, 3000n],
    [{ reasoning_tokens: 50, completion_tokens: 50 }, 750_000n],
    [{}, 0n],
  ])("of %o is %s nano-USD", (given, expected) => {
    const { rates } = priceOf({ input: "3", cached_input: "0.3", cache_write: "3.75", output: "15" });
    expect(cost(tokens(given), rates)).toBe(expected);
  });

  it.each([
    ["0.0000005", 1n],
    ["0.000000499", 0n],
    ["0.0000015", 2n],
  ])("rounds half up: 1,000 tokens at %s USD per million are %s nano-USD", (input, expected) => {
    expect(cost(tokens({ prompt_tokens: 1000 }), priceOf({ input, output: "0" }).rates)).toBe(expected);
  });

  it("takes the input rate for cached and written tokens without a rate of their own", () => {
    const { rates } = priceOf({ input: "2", output: "4" });
    expect(rates).toEqual({
      input: 2n * 10n ** 9n,
      cachedInput: 2n * 10n ** 9n,
      cacheWrite: 2n * 10n ** 9n,
      output: 4n * 10n ** 9n,
      reasoning: 4n * 10n ** 9n,
      image: 0n,
      tiers: [],
    });
  });

  const tiered = priceOf({
    ...{ input: "2", cached_input: "0.2", output: "10", reasoning: "20", image: "0.04" },
    tiers: [
      { above: 1000, input: "4", cached_input: "0.4", output: "15" },
      { above: 5000, input: "8", output: "30", reasoning: "40" },
    ],
  }).rates;
  it.each([
    // 600 * 2 + 400 * 0.2 + 100 * 10 + 50 * 20 millionths of a USD
    [{ prompt_tokens: 1000, cached_tokens: 400, completion_tokens: 150, reasoning_tokens: 50 }, 3_280_000n],
    // One token more switches all of it, thoughts too: 601 * 4 + 400 * 0.4 + 150 * 15
    [{ prompt_tokens: 1001, cached_tokens: 400, completion_tokens: 150, reasoning_tokens: 50 }, 4_814_000n],
    // 5601 * 8 + 400 * 8 + 100 * 30 + 50 * 40
    [{ prompt_tokens: 6001, cached_tokens: 400, completion_tokens: 150, reasoning_tokens: 50 }, 53_008_000n],
    [{ prompt_tokens: 10, images: 3 }, 120_020_000n],
    // No more is thought than is said.
    [{ completion_tokens: 10, reasoning_tokens: 30 }, 200_000n],
  ])("with rates of long prompts, thoughts and images, of %o is %s nano-USD", (given, expected) => {
    expect(cost(tokens(given), tiered)).toBe(expected);
  });

  it("bills what is reported cached when that is more than the prompt, and never less than nothing for the rest", () => {
    const { rates } = priceOf({ input: "2", cached_input: "1", output: "4" });
    expect(cost(tokens({ prompt_tokens: 10, cached_tokens: 30 }), rates)).toBe(30_000n);
  });
});

describe("price", () => {
  it("has the version that its four first rates always had, until it has more", () => {
    const four = priceOf({ input: "3", cached_input: "0.3", cache_write: "3.75", output: "15" });
    expect(four.version).toBe("83f131a02494f843");
    const more = [
      { input: "3", cached_input: "0.3", cache_write: "3.75", output: "15", reasoning: "16" },
      { input: "3", cached_input: "0.3", cache_write: "3.75", output: "15", image: "16" },
      {
        input: "3",
        cached_input: "0.3",
        cache_write: "3.75",
        output: "15",
        tiers: [{ above: 1, input: "3", output: "15" }],
      },
    ].map((configured) => priceOf(configured).version);
    expect(new Set([four.version, ...more]).size).toBe(4);
  });

  it("comes from the shipped table for a model that is in it", () => {
    const listed = listPrice("anthropic", "claude-sonnet-4-6");
    expect(listPriceOf("anthropic", "claude-sonnet-4-6")?.rates.output).toBe(nanoUsd(listed?.output ?? ""));
    expect(listPriceOf("anthropic", "claude-of-tomorrow")).toBeUndefined();
  });

  it("has the same version for the same rates, however they are written, and another for others", () => {
    const one = priceOf({ input: "3", output: "15" });
    expect(priceOf({ input: "3.000", cached_input: "3", cache_write: "3.0", output: "15.00" }).version).toBe(
      one.version,
    );
    expect(priceOf({ input: "3", output: "15.000000001" }).version).not.toBe(one.version);
    fc.assert(
      fc.property(rates, rates, (a, b) => {
        const same = isDeepStrictEqual(a, b);
        expect(price(a).version === price(b).version).toBe(same);
      }),
    );
  });

  it("is unpriced for a model without one, which is not zero", () => {
    expect(charge(tokens({ prompt_tokens: 5 }), undefined)).toEqual({ version: "unpriced", cost: null });
    expect(charge(tokens({}), priceOf({ input: "1", output: "1" })).cost).toBe(0n);
  });
});
