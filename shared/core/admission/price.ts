import { Json } from "../json.ts";
import { Usage } from "../usage.ts";

const MILLION: f64 = 1000000;

/** What a model's tokens cost, in nano-USD per million. */
export class Rates {
  readonly input: f64;
  readonly cachedInput: f64;
  readonly cacheWrite: f64;
  readonly output: f64;

  constructor(input: f64, cachedInput: f64, cacheWrite: f64, output: f64) {
    this.input = input;
    this.cachedInput = cachedInput;
    this.cacheWrite = cacheWrite;
    this.output = output;
  }

  /** Reads the protocol's `rates`; null for a model without a price. */
  static read(json: Json | null): Rates | null {
    if (json == null) return null;
    const input = rate(json, "input", 0);
    return new Rates(
      input,
      rate(json, "cached_input", input),
      rate(json, "cache_write", input),
      rate(json, "output", 0),
    );
  }

  /** The cost in nano-USD, to the unit the one that the ledger computes: rounded half up once. */
  cost(usage: Usage): f64 {
    const sum = new Sum();
    const rest = usage.prompt - usage.cached - usage.cacheWrite;
    if (rest > 0) sum.add(rest as f64, this.input);
    sum.add(usage.cached as f64, this.cachedInput);
    sum.add(usage.cacheWrite as f64, this.cacheWrite);
    sum.add(usage.completion as f64, this.output);
    return sum.rounded();
  }

  /** The most that so many tokens can cost, in nano-USD. */
  most(prompt: f64, completion: f64): f64 {
    const sum = new Sum();
    sum.add(prompt, this.cacheWrite > this.input ? this.cacheWrite : this.input);
    sum.add(completion, this.output);
    return sum.rounded();
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
