import { ARRAY, Json } from "../json.ts";
import { Usage } from "../usage.ts";

const MILLION: f64 = 1000000;

/** What tokens cost, in nano-USD per million. */
class TokenRates {
  /** They hold for prompts of more tokens than this. */
  readonly above: f64;
  readonly input: f64;
  readonly cachedInput: f64;
  readonly cacheWrite: f64;
  readonly output: f64;
  /** Of output that the model thinks. */
  readonly reasoning: f64;

  constructor(json: Json) {
    this.above = rate(json, "above", 0);
    this.input = rate(json, "input", 0);
    this.cachedInput = rate(json, "cached_input", this.input);
    this.cacheWrite = rate(json, "cache_write", this.input);
    this.output = rate(json, "output", 0);
    this.reasoning = rate(json, "reasoning", this.output);
  }
}

/** What a target's operations cost. */
export class Rates {
  private readonly usual: TokenRates;
  /** Of long prompts, in rising order. */
  private readonly tiers: Array<TokenRates> = new Array<TokenRates>();
  /** For each image made, in nano-USD. */
  private readonly image: f64;

  constructor(json: Json) {
    this.usual = new TokenRates(json);
    this.image = rate(json, "image", 0);
    const tiers = json.value("tiers");
    let tier: Json | null = null;
    if (tiers != null && tiers.kind === ARRAY) tier = tiers.first();
    while (tier != null) {
      this.tiers.push(new TokenRates(tier));
      tier = tier.next;
    }
  }

  /** Reads the protocol's `rates`; null for a target without a price. */
  static read(json: Json | null): Rates | null {
    return json == null ? null : new Rates(json);
  }

  /** The cost in nano-USD, to the unit the one that the ledger computes: rounded half up, once. */
  cost(usage: Usage): f64 {
    const rates = this.ratesOf(usage.prompt as f64);
    const thought = usage.reasoning < usage.completion ? usage.reasoning : usage.completion;
    const rest = usage.prompt - usage.cached - usage.cacheWrite;
    const sum = new Sum();
    if (rest > 0) sum.add(rest as f64, rates.input);
    sum.add(usage.cached as f64, rates.cachedInput);
    sum.add(usage.cacheWrite as f64, rates.cacheWrite);
    sum.add((usage.completion - thought) as f64, rates.output);
    sum.add(thought as f64, rates.reasoning);
    return sum.rounded() + (usage.images as f64) * this.image;
  }

  /** The most that so many tokens and images can cost, in nano-USD. */
  most(prompt: f64, completion: f64, images: f64): f64 {
    const rates = this.ratesOf(prompt);
    const sum = new Sum();
    sum.add(prompt, rates.cacheWrite > rates.input ? rates.cacheWrite : rates.input);
    sum.add(completion, rates.reasoning > rates.output ? rates.reasoning : rates.output);
    return sum.rounded() + images * this.image;
  }

  private ratesOf(prompt: f64): TokenRates {
    let found = this.usual;
    for (let i: i32 = 0; i < this.tiers.length; i++) {
      if (prompt > this.tiers[i]!.above) found = this.tiers[i]!;
    }
    return found;
  }
}

function rate(json: Json, name: string, otherwise: f64): f64 {
  const member = json.value(name);
  return member == null ? otherwise : member.whole(otherwise);
}

/**
 * A sum of products of tokens (below 2^31) and rates (at most 10^15), over a million. A product alone may be above 2^53,
 * where an f64 is no longer exact; so whole millions of a rate and the rest of it are added up apart.
 */
class Sum {
  private whole: f64 = 0;
  private millionths: f64 = 0;

  add(tokens: f64, rate: f64): void {
    const millions = Math.floor(rate / MILLION);
    const product = tokens * (rate - millions * MILLION);
    const carried = Math.floor(product / MILLION);
    this.whole += tokens * millions + carried;
    this.millionths += product - carried * MILLION;
  }

  rounded(): f64 {
    return this.whole + Math.floor((this.millionths + MILLION * 0.5) / MILLION);
  }
}
