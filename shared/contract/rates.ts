/** What a target's operations cost, as gateways reserve and settle by it: whole nano-USD, per million tokens or per image. */
import { z } from "zod";

const rate = z.int().min(0);

const tokenRates = {
  input: rate,
  cached_input: rate,
  cache_write: rate,
  output: rate,
  /** Of output that the model thinks. */
  reasoning: rate,
};

export const gatewayRatesSchema = z.object({
  ...tokenRates,
  image: rate,
  /** Of operations whose prompt has more tokens than `above`, in rising order. */
  tiers: z.array(z.object({ above: z.int().min(0), ...tokenRates })),
});
export type GatewayRates = z.infer<typeof gatewayRatesSchema>;
