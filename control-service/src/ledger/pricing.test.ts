import type { Usage } from "@oneapi/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { charge, cost, price, priceOf } from "./pricing.ts";

const count = fc.integer({ min: 0, max: 2_147_483_647 });
const usage = fc.record({
  prompt_tokens: count,
  cached_tokens: count,
  cache_write_tokens: count,
  completion_tokens: count,
  reasoning_tokens: count,
  images: count,
});
/** Up to 1,000,000 USD per million tokens, in nano-USD. */
const rate = fc.bigInt({ min: 0n, max: 10n ** 15n });
const rates = fc.record({ input: rate, cachedInput: rate, cacheWrite: rate, output: rate });

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
        const exact =
          BigInt(rest) * rates.input +
          BigInt(usage.cached_tokens) * rates.cachedInput +
          BigInt(usage.cache_write_tokens) * rates.cacheWrite +
          BigInt(usage.completion_tokens) * rates.output;
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
    });
  });

  it("bills what is reported cached when that is more than the prompt, and never less than nothing for the rest", () => {
    const { rates } = priceOf({ input: "2", cached_input: "1", output: "4" });
    expect(cost(tokens({ prompt_tokens: 10, cached_tokens: 30 }), rates)).toBe(30_000n);
  });
});

describe("price", () => {
  it("has the same version for the same rates, however they are written, and another for others", () => {
    const one = priceOf({ input: "3", output: "15" });
    expect(priceOf({ input: "3.000", cached_input: "3", cache_write: "3.0", output: "15.00" }).version).toBe(
      one.version,
    );
    expect(priceOf({ input: "3", output: "15.000000001" }).version).not.toBe(one.version);
    fc.assert(
      fc.property(rates, rates, (a, b) => {
        const same = Object.keys(a).every((name) => a[name as keyof typeof a] === b[name as keyof typeof b]);
        expect(price(a).version === price(b).version).toBe(same);
      }),
    );
  });

  it("is unpriced for a model without one, which is not zero", () => {
    expect(charge(tokens({ prompt_tokens: 5 }), undefined)).toEqual({ version: "unpriced", cost: null });
    expect(charge(tokens({}), priceOf({ input: "1", output: "1" })).cost).toBe(0n);
  });
});
