import { Provider } from "../exchange.ts";
import { Attempt } from "./attempt.ts";

/** How long a credential rests that met a rate limit without being told for how long, in milliseconds. */
const LIMITED_REST: f64 = 5000;
const LAST_TURN: i32 = 0xffffff;

// What a credential is good for at this moment, the best first.
const FRESH: i32 = 0;
/** An attempt of the same operation has used it. */
const USED: i32 = 1;
const RESTING: i32 = 2;

/** One provider's credentials, and until when (Unix milliseconds) each of them rests. */
class Pool {
  /** The configuration that the rest of this was made of. */
  provider: Provider;
  parkedUntil: Array<f64>;
  turn: i32 = 0;

  constructor(provider: Provider, parkedUntil: Array<f64>) {
    this.provider = provider;
    this.parkedUntil = parkedUntil;
  }

  /** The credential's place, or -1 when the configuration does not have it. */
  placeOf(credential: string): i32 {
    const credentials = this.provider.credentials;
    for (let i: i32 = 0; i < credentials.length; i++) {
      if (credentials[i] === credential) return i;
    }
    return -1;
  }

  /** Takes over a new configuration of the same provider: a credential that is still there goes on resting. */
  renew(provider: Provider): void {
    const parked = new Array<f64>();
    for (let i: i32 = 0; i < provider.credentials.length; i++) {
      const place = this.placeOf(provider.credentials[i]!);
      parked.push(place < 0 ? 0 : (this.parkedUntil[place] as f64));
    }
    this.provider = provider;
    this.parkedUntil = parked;
  }

  /**
   * The next that does not rest, if possible one that `before` (earlier attempts of the operation) did not use. When all
   * rest, the one that returns soonest: it may work, and failing would not.
   */
  next(now: f64, before: Array<Attempt>): string {
    const count = this.parkedUntil.length;
    if (count === 0) return "";
    let chosen: i32 = -1;
    let rank = RESTING + 1;
    for (let i: i32 = 0; i < count && rank > FRESH; i++) {
      const place = (this.turn + i) % count;
      const until: f64 = this.parkedUntil[place] as f64;
      const found: i32 = until > now ? RESTING : this.wasUsed(place, before) ? USED : FRESH;
      const sooner = found === RESTING && rank === RESTING && until < (this.parkedUntil[chosen] as f64);
      if (found < rank || sooner) {
        chosen = place;
        rank = found;
      }
    }
    this.turn = (chosen + 1) & LAST_TURN;
    return this.provider.credentials[chosen]!;
  }

  private wasUsed(place: i32, before: Array<Attempt>): boolean {
    for (let i: i32 = 0; i < before.length; i++) {
      const attempt = before[i]!;
      if (attempt.exchange.provider.name !== this.provider.name) continue;
      if (attempt.credential === this.provider.credentials[place]!) return true;
    }
    return false;
  }

  /** When the first of the credentials returns, if all rest; 0 when one does not. */
  restsUntil(now: f64): f64 {
    let soonest: f64 = 0;
    for (let i: i32 = 0; i < this.parkedUntil.length; i++) {
      const until: f64 = this.parkedUntil[i] as f64;
      if (until <= now) return 0;
      if (soonest === 0 || until < soonest) soonest = until;
    }
    return soonest;
  }

  park(credential: string, until: f64): void {
    const place = this.placeOf(credential);
    if (place >= 0 && until > (this.parkedUntil[place] as f64)) this.parkedUntil[place] = until;
  }
}

/**
 * The credentials of all providers, each pool used in turn. One that a provider refused or slowed down rests as long as
 * the attempt's problem says; its rest outlives a change of the configuration.
 */
export class CredentialPools {
  private readonly pools: Map<string, Pool> = new Map<string, Pool>();

  /** The credential for the next attempt with this provider, after `before`; empty when it has none. */
  next(provider: Provider, now: f64, before: Array<Attempt>): string {
    if (provider.credentials.length === 0) return "";
    return this.poolOf(provider).next(now, before);
  }

  /**
   * When the provider may serve again, if all of its credentials rest; 0 when it may now. One that has no other to change
   * with is not rested: what one of its models was refused for may not hold for another.
   */
  restsUntil(provider: Provider, now: f64): f64 {
    return provider.credentials.length < 2 ? 0 : this.poolOf(provider).restsUntil(now);
  }

  private poolOf(provider: Provider): Pool {
    if (this.pools.has(provider.name)) {
      const pool = this.pools.get(provider.name)!;
      if (pool.provider !== provider) pool.renew(provider);
      return pool;
    }
    const parked = new Array<f64>();
    for (let i: i32 = 0; i < provider.credentials.length; i++) parked.push(0);
    const pool = new Pool(provider, parked);
    this.pools.set(provider.name, pool);
    return pool;
  }

  /** Takes note of how the attempt came out. To be told twice changes nothing. */
  settle(attempt: Attempt): void {
    const problem = attempt.problem;
    const name = attempt.exchange.provider.name;
    if (problem == null || attempt.endedAt === 0 || !this.pools.has(name)) return;
    let rest: f64 = problem.restMs as f64;
    if (rest === 0 && problem.status === 429) {
      rest = problem.retryAfter > 0 ? (problem.retryAfter as f64) * 1000 : LIMITED_REST;
    }
    if (rest > 0) this.pools.get(name)!.park(attempt.credential, attempt.endedAt + rest);
  }
}
