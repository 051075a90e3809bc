import { randomBytes } from "node:crypto";
import type { Database } from "../store/database.ts";
import { silentLogger, TestClock, testStores } from "../testing.ts";
import type { Claim, Counters, Entry, Grant, Note } from "./counters.ts";
import { ProcessCounters } from "./process-counters.ts";
import { redisMissing, TestRedis } from "./redis/testing.ts";
import { RedisCounters } from "./redis-counters.ts";

/** Counters of one kind, and what tests do to them. */
export interface TestCounters {
  readonly counters: Counters;
  /** All notes so far, oldest first. */
  readonly notes: Note[];
  /** Ends them without a word, as a killed process would, and opens them again. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A kind of counters that the suite runs on; `skip` is the reason why it cannot here. */
export interface CountersKind {
  readonly name: string;
  readonly skip: string | null;
  /** Called once before {@link make}. */
  prepare(): Promise<void>;
  /** Counters that hold nothing. */
  make(): Promise<TestCounters>;
  finish(): Promise<void>;
}

function inProcess({ name, skip, open }: (typeof testStores)[number]): CountersKind {
  let database: Database;
  return {
    name: `in process on ${name}`,
    skip,
    async prepare() {
      database = await open();
    },
    async make() {
      await database.query.deleteFrom("counter_leases").execute();
      await database.query.deleteFrom("lease_holders").execute();
      const notes: Note[] = [];
      const clock = new TestClock();
      const start = () => ProcessCounters.open(database, clock, (more) => notes.push(...more));
      const made = {
        counters: await start(),
        notes,
        async restart() {
          made.counters = await start();
        },
        close: () => made.counters.close(),
      };
      return made;
    },
    finish: () => database.close(),
  };
}

function inRedis(name: string, launch: () => Promise<TestRedis>): CountersKind {
  let redis: TestRedis;
  return {
    name: redisMissing === null ? name : `${name} (skipped: ${redisMissing})`,
    skip: redisMissing,
    async prepare() {
      redis = await launch();
    },
    async make() {
      const notes: Note[] = [];
      const parts = {
        url: redis.url,
        logger: silentLogger,
        notify: (more: readonly Note[]) => notes.push(...more),
        failed: () => {},
        name: randomBytes(6).toString("hex"),
      };
      const made = {
        counters: await RedisCounters.open(parts),
        notes,
        async restart() {
          await made.counters.close();
          made.counters = await RedisCounters.open(parts);
        },
        close: () => made.counters.close(),
      };
      return made;
    },
    finish: () => redis.close(),
  };
}

/** The suite of counters runs on each of these. */
export const countersKinds: readonly CountersKind[] = [
  ...testStores.map(inProcess),
  inRedis("in Redis", () => TestRedis.single()),
  inRedis("in a Redis Cluster", () => TestRedis.cluster()),
];

export const NOW = Date.parse("2026-01-01T00:00:30Z");

/** An entry of a limit of 100 requests a minute that was never used, but for `change`. */
export function entry(change: Partial<Entry> = {}): Entry {
  return {
    counter: "project:search:requests:minute",
    window: NOW - 30_000,
    endsAt: NOW + 30_000,
    current: true,
    amount: 100,
    refundable: false,
    balance: false,
    lasting: false,
    spent: 0,
    reserved: 0,
    need: 0,
    keep: 0,
    ...change,
  };
}

/** A claim of the holder "a" with one entry. */
export function claimOf(sequence: number, change: Partial<Entry>, rest: Partial<Claim> = {}): Claim {
  return { holder: "a", sequence, now: NOW, entries: [entry(change)], ...rest };
}

/** @returns the grants of a claim that must not miss anything. */
export async function grants(counters: Counters, claim: Claim): Promise<Grant[]> {
  const outcome = await counters.claim(claim);
  if (outcome.kind === "missing") throw new Error(`missing ${outcome.balances}`);
  return [...outcome.grants];
}

/** @returns the grant of a claim with one entry. */
export async function grantOf(counters: Counters, claim: Claim): Promise<Grant> {
  return (await grants(counters, claim))[0] as Grant;
}
