/**
 * What an operation costs, in integers: rates are nano-USD per million tokens, or per image, costs are nano-USD.
 *
 * A nano-USD rate can hold every price with up to nine decimals exactly, so the only rounding is the one division at the
 * end, half up, once per operation.
 */
import { createHash } from "node:crypto";
import {
  type Price as ConfiguredPrice,
  listPrice,
  nanoUsd,
  type ProviderKind,
  UNPRICED,
  type Usage,
} from "@oneapi/contract";

export interface TokenRates {
  readonly input: bigint;
  readonly cachedInput: bigint;
  readonly cacheWrite: bigint;
  readonly output: bigint;
  /** Of output that the model thinks. */
  readonly reasoning: bigint;
}

/** The rates of operations whose prompt has more tokens than `above`. */
export interface Tier extends TokenRates {
  readonly above: number;
}

export interface Rates extends TokenRates {
  /** For each image made. */
  readonly image: bigint;
  /** In rising order. */
  readonly tiers: readonly Tier[];
}

export interface Price {
  readonly rates: Rates;
  /** The same rates have the same version, whoever computes it and whenever. */
  readonly version: string;
}

const TOKENS_PER_RATE = 1_000_000n;

/** The price that is configured: a cached or cache-write rate that is not given is the input rate, a reasoning one the output rate. */
export function priceOf({ image, tiers = [], ...configured }: ConfiguredPrice): Price {
  return price({
    ...tokenRates(configured),
    image: image === undefined ? 0n : nanoUsd(image),
    tiers: tiers.map(({ above, ...rates }) => ({ above, ...tokenRates(rates) })),
  });
}

/** The price of a provider's model in the price table that is shipped. */
export function listPriceOf(kind: ProviderKind, model: string): Price | undefined {
  const listed = listPrice(kind, model);
  return listed === undefined ? undefined : priceOf(listed);
}

function tokenRates(configured: Omit<ConfiguredPrice, "image" | "tiers">): TokenRates {
  const { input, output, cached_input = input, cache_write = input, reasoning = output } = configured;
  return {
    input: nanoUsd(input),
    cachedInput: nanoUsd(cached_input),
    cacheWrite: nanoUsd(cache_write),
    output: nanoUsd(output),
    reasoning: nanoUsd(reasoning),
  };
}

/** Rates with their version. */
export function price(rates: Rates): Price {
  // What a price need not have is left out, so that it may be added without another version for every price.
  const parts = [written(rates)];
  if (rates.image !== 0n) parts.push(`image ${rates.image}`);
  for (const tier of rates.tiers) parts.push(`above ${tier.above} ${written(tier)}`);
  return { rates, version: createHash("sha256").update(parts.join(" ")).digest("hex").slice(0, 16) };
}

function written({ input, cachedInput, cacheWrite, output, reasoning }: TokenRates): string {
  const text = [input, cachedInput, cacheWrite, output].join(" ");
  return reasoning === output ? text : `${text} reasoning ${reasoning}`;
}

/**
 * The cost in nano-USD. Cached and cache-write tokens are a part of the prompt's and reasoning tokens a part of the
 * completion's, so only the rest of each is billed at the input and the output rate. A provider that reports more cached
 * tokens than prompt tokens is billed for what it reports cached, and never below zero for the rest.
 */
export function cost(usage: Usage, rates: Rates): bigint {
  const { input, cachedInput, cacheWrite, output, reasoning } =
    rates.tiers.findLast(({ above }) => usage.prompt_tokens > above) ?? rates;
  const cached = BigInt(usage.cached_tokens);
  const written = BigInt(usage.cache_write_tokens);
  const rest = BigInt(usage.prompt_tokens) - cached - written;
  const thought = BigInt(Math.min(usage.reasoning_tokens, usage.completion_tokens));
  const sum =
    (rest > 0n ? rest : 0n) * input +
    cached * cachedInput +
    written * cacheWrite +
    (BigInt(usage.completion_tokens) - thought) * output +
    thought * reasoning;
  return (sum + TOKENS_PER_RATE / 2n) / TOKENS_PER_RATE + BigInt(usage.images) * rates.image;
}

/** What a record says of money. */
export interface Charge {
  /** Of the price, or "unpriced". */
  readonly version: string;
  /** Nano-USD; null when unpriced. */
  readonly cost: bigint | null;
}

/** A model without a price is "unpriced", which is not zero. */
export function charge(usage: Usage, price: Price | undefined): Charge {
  if (price === undefined) return { version: UNPRICED, cost: null };
  return { version: price.version, cost: cost(usage, price.rates) };
}
