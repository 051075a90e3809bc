import { Address, AddressRange } from "../address.ts";
import { Limit, readLimits } from "../admission/limit.ts";
import { Rates } from "../admission/price.ts";
import { ARRAY, Json, STRING } from "../json.ts";
import { matches } from "../pattern.ts";

/** What a key may do, as the control service told. */
export class KeyPolicy {
  readonly hash: string;
  readonly id: string;
  readonly project: string;
  /** Empty for a key of the project itself. */
  readonly user: string;
  readonly active: boolean;
  /** Unix time in milliseconds; 0 for never. */
  readonly expiresAt: f64;
  /** Patterns of model names; a model must match one of each list. */
  private readonly models: Array<Array<string>> = new Array<Array<string>>();
  private readonly ranges: Array<AddressRange> = new Array<AddressRange>();
  /** Addresses matter, though no range of them may be readable: such a key serves nobody. */
  readonly bound: boolean;
  /** When this must be asked again, and from when on it should be. */
  readonly staleAt: f64;
  readonly refreshAt: f64;
  refreshing: boolean = false;
  /** Of the key, its user and its project. */
  readonly limits: Array<Limit>;
  /** `on_control_loss: fail_open`: operations are served, and counted later, while the control service is lost. */
  readonly failOpen: boolean;
  /** `accounting: strict`. */
  readonly strict: boolean;
  /** Models without a price may be used under a limit of spend. */
  readonly allowsUnpriced: boolean;
  /** What models cost the project, by their public names. */
  private readonly prices: Map<string, Rates> = new Map<string, Rates>();
  /** How long an operation waits for room in its limits, in milliseconds. */
  readonly admissionWaitMs: f64;

  constructor(json: Json, now: f64) {
    this.hash = json.string("hash", "");
    this.id = json.string("id", "");
    this.project = json.string("project", "");
    this.user = json.string("user", "");
    this.active = json.string("status", "") === "active";
    const expires = json.value("expires_at_ms");
    this.expiresAt = expires == null ? 0 : expires.whole(1);
    const ttl = json.count32("ttl_ms", 60000) as f64;
    this.staleAt = now + ttl;
    this.refreshAt = now + ttl * 0.5;
    this.failOpen = json.string("on_control_loss", "") === "fail_open";
    this.strict = json.string("accounting", "") === "strict";
    this.allowsUnpriced = json.string("unpriced", "") === "allow";
    this.admissionWaitMs = json.count32("admission_wait_ms", 400) as f64;
    this.limits = readLimits(json.value("limits"));
    readPatterns(json.value("models"), this.models);
    readPrices(json.value("prices"), this.prices);
    const allowed = json.value("allowed_ips");
    this.bound = allowed != null && allowed.kind === ARRAY && allowed.first() != null;
    if (allowed != null) readRanges(allowed, this.ranges);
  }

  allowsModel(name: string): boolean {
    for (let i: i32 = 0; i < this.models.length; i++) {
      if (!matchesOne(this.models[i]!, name)) return false;
    }
    return true;
  }

  /** What the model costs, of which a target has these rates (null for none): the project's own price comes first. */
  ratesOf(model: string, target: Rates | null): Rates | null {
    return this.prices.has(model) ? this.prices.get(model)! : target;
  }

  /** Whether a client at `address` (with or without a port) may use the key. */
  allowsAddress(address: string): boolean {
    if (!this.bound) return true;
    const from = Address.parse(address);
    if (from == null) return false;
    for (let i: i32 = 0; i < this.ranges.length; i++) {
      if (this.ranges[i]!.contains(from)) return true;
    }
    return false;
  }
}

function matchesOne(patterns: Array<string>, name: string): boolean {
  for (let i: i32 = 0; i < patterns.length; i++) {
    if (matches(patterns[i]!, name)) return true;
  }
  return false;
}

function readPatterns(lists: Json | null, into: Array<Array<string>>): void {
  let list: Json | null = null;
  if (lists != null && lists.kind === ARRAY) list = lists.first();
  while (list != null) {
    const patterns = new Array<string>();
    let pattern = list.first();
    while (pattern != null) {
      if (pattern.kind === STRING) patterns.push(pattern.text());
      pattern = pattern.next;
    }
    into.push(patterns);
    list = list.next;
  }
}

function readPrices(list: Json | null, into: Map<string, Rates>): void {
  let entry: Json | null = null;
  if (list != null && list.kind === ARRAY) entry = list.first();
  while (entry != null) {
    const rates = Rates.read(entry.value("rates"));
    if (rates != null) into.set(entry.string("model", ""), rates);
    entry = entry.next;
  }
}

function readRanges(list: Json, into: Array<AddressRange>): void {
  let entry = list.first();
  while (entry != null) {
    const range = AddressRange.parse(entry.text());
    if (range != null) into.push(range);
    entry = entry.next;
  }
}

/** How many hashes wait for an answer at most; one guess more is refused at once. */
const MOST_WANTED: i32 = 1024;
const MOST_KNOWN: i32 = 65536;
const MOST_UNKNOWN: i32 = 16384;
/** How long a key counts as unknown of which the control service said nothing. */
const UNANSWERED_MS: f64 = 1000;
/** As many as one sync asks. */
export const MOST_ASKED: i32 = 256;

/** The keys that this gateway has met: what they may do, that they are unknown, or that the answer is awaited. */
export class KeyCache {
  private known: Map<string, KeyPolicy> = new Map<string, KeyPolicy>();
  /** Until when a hash counts as unknown. */
  private unknown: Map<string, f64> = new Map<string, f64>();
  /** Hashes that operations wait for. */
  private readonly awaited: Set<string> = new Set<string>();
  /** Hashes to ask for, the awaited ones and those to refresh; and those asked in the sync under way. */
  private wanted: Array<string> = new Array<string>();
  private asked: Array<string> = new Array<string>();
  /** Operations refused for want of a known key, since the epoch began. */
  refusals: f64 = 0;

  /** `lost`: the control service cannot be asked, so that a policy which fails open is good beyond its time. */
  find(hash: string, lost: boolean, now: f64): KeyPolicy | null {
    if (!this.known.has(hash)) return null;
    const policy = this.known.get(hash)!;
    if (now >= policy.staleAt) return lost && policy.failOpen ? policy : null;
    if (now >= policy.refreshAt && !policy.refreshing) {
      policy.refreshing = true;
      this.wanted.push(hash);
    }
    return policy;
  }

  isUnknown(hash: string, now: f64): boolean {
    return this.unknown.has(hash) && now < this.unknown.get(hash)!;
  }

  /** Asks for the key with the next sync; false when too many are asked for already. */
  want(hash: string): boolean {
    if (this.awaited.has(hash)) return true;
    if (this.awaited.size >= MOST_WANTED) return false;
    this.awaited.add(hash);
    this.wanted.push(hash);
    return true;
  }

  isWanting(): boolean {
    return this.wanted.length > 0;
  }

  /** The hashes for the next sync. */
  ask(): Array<string> {
    const asked = this.wanted.slice(0, MOST_ASKED);
    this.wanted = this.wanted.slice(asked.length);
    this.asked = asked;
    return asked;
  }

  /** The sync with `ask()` failed: its hashes are asked for again. */
  failed(): void {
    const asked = this.asked;
    for (let i: i32 = 0; i < asked.length; i++) this.wanted.push(asked[i]!);
    this.asked = new Array<string>();
  }

  /** Nobody waits any longer for what was not answered. */
  giveUp(): void {
    this.awaited.clear();
    this.wanted = new Array<string>();
    this.asked = new Array<string>();
  }

  /** Takes the answer to `ask()`. */
  answer(policies: Json | null, now: f64): void {
    const asked = this.asked;
    this.asked = new Array<string>();
    let entry: Json | null = null;
    if (policies != null && policies.kind === ARRAY) entry = policies.first();
    while (entry != null) {
      const hash = entry.string("hash", "");
      this.awaited.delete(hash);
      if (entry.flag("known")) {
        if (this.known.size >= MOST_KNOWN) this.known = new Map<string, KeyPolicy>();
        this.known.set(hash, new KeyPolicy(entry, now));
        this.unknown.delete(hash);
      } else {
        if (this.unknown.size >= MOST_UNKNOWN) this.unknown = new Map<string, f64>();
        this.unknown.set(hash, now + (entry.count32("ttl_ms", 10000) as f64));
        this.known.delete(hash);
      }
      entry = entry.next;
    }
    // Nobody waits for ever for what was left out of the answer.
    for (let i: i32 = 0; i < asked.length; i++) {
      if (this.awaited.delete(asked[i]!)) this.unknown.set(asked[i]!, now + UNANSWERED_MS);
    }
  }

  /** Forgets keys whose policy has changed. */
  forget(hashes: Json | null): void {
    let entry: Json | null = null;
    if (hashes != null && hashes.kind === ARRAY) entry = hashes.first();
    while (entry != null) {
      const hash = entry.text();
      this.known.delete(hash);
      this.unknown.delete(hash);
      entry = entry.next;
    }
  }

  forgetAll(): void {
    this.known = new Map<string, KeyPolicy>();
    this.unknown = new Map<string, f64>();
  }
}
