/**
 * What an operation costs, in integers: rates are nano-USD per million tokens, costs are nano-USD.
 *
 * A nano-USD rate can hold every price with up to nine decimals exactly, so the only rounding is the one division at the
 * end, half up, once per operation.
 */
import { createHash } from "node:crypto";
import { type Price as ConfiguredPrice, nanoUsd, UNPRICED, type Usage } from "@oneapi/contract";

export interface Rates {
  readonly input: bigint;
  readonly cachedInput: bigint;
  readonly cacheWrite: bigint;
  readonly output: bigint;
}

export interface Price {
  readonly rates: Rates;
  /** The same rates have the same version, whoever computes it and whenever. */
  readonly version: string;
}

const TOKENS_PER_RATE = 1_000_000n;

/** The price of a model; a cached or cache-write rate that is not given is the input rate. */
export function priceOf(configured: ConfiguredPrice): Price {
  const input = nanoUsd(configured.input);
  return price({
    input,
    cachedInput: configured.cached_input === undefined ? input : nanoUsd(configured.cached_input),
    cacheWrite: configured.cache_write === undefined ? input : nanoUsd(configured.cache_write),
    output: nanoUsd(configured.output),
  });
}

/** Rates with their version. */
export function price(rates: Rates): Price {
  const text = [rates.input, rates.cachedInput, rates.cacheWrite, rates.output].join(" ");
  return { rates, version: createHash("sha256").update(text).digest("hex").slice(0, 16) };
}

/**
 * The cost in nano-USD. Cached and cache-write tokens are a part of the prompt's and reasoning tokens a part of the
 * completion's, so only the rest of the prompt is billed at the input rate. A provider that reports more cached tokens
 * than prompt tokens is billed for what it reports cached, and never below zero for the rest.
 */
export function cost(usage: Usage, rates: Rates): bigint {
  const cached = BigInt(usage.cached_tokens);
  const written = BigInt(usage.cache_write_tokens);
  const rest = BigInt(usage.prompt_tokens) - cached - written;
  const sum =
    (rest > 0n ? rest : 0n) * rates.input +
    cached * rates.cachedInput +
    written * rates.cacheWrite +
    BigInt(usage.completion_tokens) * rates.output;
  return (sum + TOKENS_PER_RATE / 2n) / TOKENS_PER_RATE;
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
