/** Prices as the database keeps them. */
import { type Kysely, type Selectable, sql } from "kysely";
import type { Tables } from "../store/tables.ts";
import { type Price, price, type TokenRates } from "./pricing.ts";
import type { StoredTier } from "./tables.ts";

/** Whose price it is: a public model's (provider ""), or an upstream model's at a provider; of one project, or of all (""). */
export interface PriceOwner {
  readonly project: string;
  readonly provider: string;
  readonly model: string;
}

export interface OwnedPrice extends PriceOwner {
  readonly price: Price;
}

type Row = Selectable<Tables["prices"]>;

/** The price that a row tells; its version is computed anew, so it shows whether a row was changed. */
export function readPrice(row: Omit<Row, "project" | "provider" | "model" | "version" | "in_force_at">): Price {
  return price({
    ...readRates(row),
    image: row.image,
    tiers: row.tiers.map(({ above, ...rates }) => ({ above, ...readRates(rates) })),
  });
}

function readRates(stored: Record<keyof Omit<StoredTier, "above">, bigint | string>): TokenRates {
  return {
    input: BigInt(stored.input),
    cachedInput: BigInt(stored.cached_input),
    cacheWrite: BigInt(stored.cache_write),
    output: BigInt(stored.output),
    reasoning: BigInt(stored.reasoning),
  };
}

/** Stores what is new and says of all that they are in force, in one statement. */
export async function writePrices(database: Kysely<Tables>, prices: readonly OwnedPrice[], now: Date): Promise<void> {
  if (prices.length === 0) return;
  const rates = (read: (price: Price) => bigint) => prices.map(({ price }) => read(price).toString());
  await sql`
    insert into prices (
      project, provider, model, version, input, cached_input, cache_write, output, reasoning, image, tiers, in_force_at
    )
    select price.*, ${now}::timestamptz
    from unnest(
      ${prices.map(({ project }) => project)}::text[],
      ${prices.map(({ provider }) => provider)}::text[],
      ${prices.map(({ model }) => model)}::text[],
      ${prices.map(({ price }) => price.version)}::text[],
      ${rates(({ rates }) => rates.input)}::int8[],
      ${rates(({ rates }) => rates.cachedInput)}::int8[],
      ${rates(({ rates }) => rates.cacheWrite)}::int8[],
      ${rates(({ rates }) => rates.output)}::int8[],
      ${rates(({ rates }) => rates.reasoning)}::int8[],
      ${rates(({ rates }) => rates.image)}::int8[],
      ${prices.map(({ price }) => JSON.stringify(price.rates.tiers.map(storedTier)))}::json[]
    ) as price
    on conflict (project, provider, model, version) do update set in_force_at = excluded.in_force_at
  `.execute(database);
}

function storedTier(tier: Price["rates"]["tiers"][number]): StoredTier {
  return {
    above: tier.above,
    input: tier.input.toString(),
    cached_input: tier.cachedInput.toString(),
    cache_write: tier.cacheWrite.toString(),
    output: tier.output.toString(),
    reasoning: tier.reasoning.toString(),
  };
}
