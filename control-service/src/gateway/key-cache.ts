import { DEFAULT_ADMISSION_WAIT_MS, type KeyPolicy, milliseconds } from "@oneapi/contract";
import type { Clock } from "../clock.ts";
import { findKeyPolicies, type KeyPolicyRow } from "../keys/policies.ts";
import { priceOf } from "../ledger/pricing.ts";
import type { Database } from "../store/database.ts";
import { currentRevision, keyChangesSince } from "../store/revisions.ts";
import { gatewayRates } from "./rates.ts";

/** How long a gateway may use a policy; changes reach it much earlier. */
const KNOWN_TTL_MS = 300_000;
/** Short: a key that was just brought by another way than this service must come to life soon. */
const UNKNOWN_TTL_MS = 10_000;

const MAX_KEYS = 100_000;
/** From so many changed keys on, dropping all of them is the shorter message. */
const MAX_CHANGED = 1000;

interface Held {
  readonly policy: KeyPolicy;
  readonly until: number;
}

/** What a gateway must forget to be up to date with a revision. */
export interface KeyNews {
  readonly reset: boolean;
  readonly hashes: readonly string[];
}

/** Key policies by hash, in memory: looked up once, dropped when the database says that they changed. */
export class KeyCache {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();
  #revision: bigint;

  private constructor(database: Database, clock: Clock, revision: bigint) {
    this.#database = database;
    this.#clock = clock;
    this.#revision = revision;
  }

  static async open(database: Database, clock: Clock): Promise<KeyCache> {
    return new KeyCache(database, clock, await currentRevision(database.query, "keys"));
  }

  /** Policies that `resolve` answers are at least as new as this. Read it first, then resolve. */
  get revision(): number {
    return Number(this.#revision);
  }

  /** Drops what changed since the last time; true when something did. */
  async refresh(): Promise<boolean> {
    const news = await keyChangesSince(this.#database.query, this.#revision);
    if (news.revision === this.#revision) return false;
    if (news.reset) this.#held.clear();
    for (const hash of news.hashes) this.#held.delete(hash);
    this.#revision = news.revision;
    return true;
  }

  /** What a gateway that holds `revision` must drop. It may be told of more than it needs, never of less. */
  async newsSince(revision: number): Promise<KeyNews> {
    if (revision === this.revision) return { reset: false, hashes: [] };
    const news = await keyChangesSince(this.#database.query, BigInt(revision));
    return news.reset || news.hashes.length > MAX_CHANGED ? { reset: true, hashes: [] } : news;
  }

  /** The policies of keys, in the order asked. */
  async resolve(hashes: readonly string[]): Promise<KeyPolicy[]> {
    const now = this.#clock.now();
    const found = new Map<string, KeyPolicy>();
    for (const hash of hashes) {
      const held = this.#held.get(hash);
      if (held !== undefined && held.until > now) found.set(hash, held.policy);
    }
    const missing = hashes.filter((hash) => !found.has(hash));
    if (missing.length > 0) {
      const revision = this.#revision;
      const rows = await findKeyPolicies(this.#database.query, missing);
      for (const hash of missing) {
        const policy = keyPolicy(hash, rows.get(hash));
        found.set(hash, policy);
        // Read before a change and back after it: right for this answer, whose revision is the older one, not to keep.
        if (revision === this.#revision) this.#hold(policy, now);
      }
    }
    return hashes.map((hash) => found.get(hash) as KeyPolicy);
  }

  #hold(policy: KeyPolicy, now: number): void {
    this.#held.delete(policy.hash);
    this.#held.set(policy.hash, { policy, until: now + policy.ttl_ms });
    const oldest = this.#held.keys().next();
    if (this.#held.size > MAX_KEYS && !oldest.done) this.#held.delete(oldest.value);
  }
}

function keyPolicy(hash: string, row: KeyPolicyRow | undefined): KeyPolicy {
  if (row === undefined) return { hash, known: false, ttl_ms: UNKNOWN_TTL_MS };
  const project = row.projectSettings;
  return {
    hash,
    known: true,
    ttl_ms: KNOWN_TTL_MS,
    id: row.id,
    project: row.project,
    user: row.user,
    status: row.disabled ? "disabled" : "active",
    expires_at_ms: row.expiresAt?.getTime() ?? null,
    models: row.models.map((list) => [...list]),
    allowed_ips: [...row.allowedIps],
    limits: [...row.limits],
    accounting: project?.accounting ?? "leased",
    on_control_loss: project?.on_control_loss ?? "fail_closed",
    unpriced: project?.unpriced ?? "reject",
    prices: (project?.prices ?? []).map(({ model, price }) => ({ model, rates: gatewayRates(priceOf(price).rates) })),
    // Projects that were stored before this setting existed have none.
    admission_wait_ms: project?.admission_wait ? milliseconds(project.admission_wait) : DEFAULT_ADMISSION_WAIT_MS,
  };
}
