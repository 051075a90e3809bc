/** Gateways settle by the very amounts that the ledger bills. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { cost, type Rates as LedgerRates } from "../../control-service/src/ledger/pricing.ts";
import { Rates } from "../../shared/core/admission/price.ts";
import { Json } from "../../shared/core/json.ts";
import { Usage } from "../../shared/core/usage.ts";

const rate = fc.oneof(fc.bigInt(0n, 1_000_000_000_000_000n), fc.bigInt(0n, 100_000_000_000n), fc.bigInt(0n, 20n));
const tokens = fc.oneof(fc.nat(2_147_483_647), fc.nat(200_000), fc.nat(9));
const tokenRates = { input: rate, cachedInput: rate, cacheWrite: rate, output: rate, reasoning: rate };
const tiers = fc
  .uniqueArray(fc.record({ above: fc.nat(300_000), ...tokenRates }), { selector: ({ above }) => above, maxLength: 3 })
  .map((list) => list.sort((a, b) => a.above - b.above));

test("the cost of any usage at any rates is the ledger's, to the nano-USD", () => {
  fc.assert(
    fc.property(
      fc.record({ ...tokenRates, image: fc.bigInt(0n, 10_000_000_000n), tiers }),
      fc.record({
        prompt: tokens,
        cached: tokens,
        written: tokens,
        completion: tokens,
        reasoning: tokens,
        images: fc.nat(10),
      }),
      (rates: LedgerRates, used) => {
        const usage = new Usage();
        Object.assign(usage, { ...used, cacheWrite: used.written });
        const expected = cost(
          {
            prompt_tokens: used.prompt,
            cached_tokens: used.cached,
            cache_write_tokens: used.written,
            completion_tokens: used.completion,
            reasoning_tokens: used.reasoning,
            images: used.images,
          },
          rates,
        );
        // Beyond that an f64, and so a gateway's count, is no longer exact: it is nine million USD for one call.
        fc.pre(expected < 2n ** 53n);
        const read = Rates.read(Json.parse(Buffer.from(wire(rates))));
        expect(BigInt(read?.cost(usage) ?? -1)).toBe(expected);
      },
    ),
    { numRuns: 5000, seed: 21 },
  );
});

/** Rates as the gateway protocol has them. */
function wire({ tiers, image, ...usual }: LedgerRates): string {
  const written = ({ input, cachedInput, cacheWrite, output, reasoning }: Omit<LedgerRates, "tiers" | "image">) =>
    `"input":${input},"cached_input":${cachedInput},"cache_write":${cacheWrite},"output":${output},"reasoning":${reasoning}`;
  const list = tiers.map(({ above, ...rates }) => `{"above":${above},${written(rates)}}`);
  return `{${written(usual)},"image":${image},"tiers":[${list}]}`;
}
