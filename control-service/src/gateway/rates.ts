import type { GatewayRates } from "@oneapi/contract";
import type { Rates, TokenRates } from "../ledger/pricing.ts";

/** Rates as gateways get them; the contract keeps each of them below 2^53. */
export function gatewayRates({ image, tiers, ...usual }: Rates): GatewayRates {
  return {
    ...tokenRates(usual),
    image: Number(image),
    tiers: tiers.map(({ above, ...rates }) => ({ above, ...tokenRates(rates) })),
  };
}

function tokenRates({ input, cachedInput, cacheWrite, output, reasoning }: TokenRates) {
  return {
    input: Number(input),
    cached_input: Number(cachedInput),
    cache_write: Number(cacheWrite),
    output: Number(output),
    reasoning: Number(reasoning),
  };
}
