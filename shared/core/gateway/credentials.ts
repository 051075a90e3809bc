import { Provider } from "../exchange.ts";
import { Attempt } from "./attempt.ts";

/** How long a credential rests that met a rate limit without being told for how long, in milliseconds. */
const LIMITED_REST: f64 = 5000;
const LAST_TURN: i32 = 0xffffff;

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

  /** The next that does not rest; when all do, the one that returns soonest: it may work, and failing would not. */
  next(now: f64): string {
    const count = this.parkedUntil.length;
    if (count === 0) return "";
    let chosen = this.turn % count;
    for (let i: i32 = 0; i < count; i++) {
      const place = (this.turn + i) % count;
      const until: f64 = this.parkedUntil[place] as f64;
      if (until <= now) {
        chosen = place;
        break;
      }
      if (until < (this.parkedUntil[chosen] as f64)) chosen = place;
    }
    this.turn = (chosen + 1) & LAST_TURN;
    return this.provider.credentials[chosen]!;
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

  /** The credential for the next attempt with this provider; empty when it has none. */
  next(provider: Provider, now: f64): string {
    if (provider.credentials.length === 0) return "";
    return this.poolOf(provider).next(now);
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
