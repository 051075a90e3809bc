import { type Kysely, sql } from "kysely";
import type { Tables } from "../store/tables.ts";
import type { Share } from "./counters.ts";

/** A holder's share of a counter, as it is stored. */
export interface LeaseRow extends Share {
  readonly holder: string;
  readonly endsAt: number | null;
}

/** Keeps what the counters in process hold, so that a process that dies loses no grant. */
export class LeaseRows {
  readonly #database: Kysely<Tables>;
  readonly #rows = new Map<string, LeaseRow>();
  readonly #sequences = new Map<string, number>();
  #tail: Promise<unknown> = Promise.resolve();
  #next: Promise<void> | null = null;

  constructor(database: Kysely<Tables>) {
    this.#database = database;
  }

  /** Notes that a row is another now, of a holder whose newest message is `sequence`, null for nobody's. */
  put(row: LeaseRow, sequence: number | null): void {
    this.#rows.set(JSON.stringify([row.counter, row.window, row.holder]), row);
    if (sequence !== null) this.#sequences.set(row.holder, sequence);
  }

  /**
   * Resolves once all that was put is durable. What comes while a statement is under way is written by the next one, so
   * that many gateways at once cost few statements, and none overtakes another.
   */
  durable(now: number): Promise<void> {
    this.#next ??= this.#queue(() => this.#write(now));
    return this.#next;
  }

  /** Deletes rows that say nothing any more, and the holders that have none left and are not of `kept`. */
  sweep(endedBefore: number, kept: readonly string[]): Promise<void> {
    return this.#queue(() => deleteRows(this.#database, endedBefore, kept));
  }

  /** One after another: statements that lock the same rows in different orders would wait for each other for ever. */
  #queue(task: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(task);
    this.#tail = done.catch(() => {});
    return done;
  }

  async #write(now: number): Promise<void> {
    this.#next = null;
    if (this.#rows.size === 0) return;
    const rows = new Map(this.#rows);
    const sequences = new Map(this.#sequences);
    this.#rows.clear();
    this.#sequences.clear();
    try {
      await storeRows(this.#database, [...rows.values()], sequences, now);
    } catch (error) {
      // The next statement writes them, unless they are others by then.
      for (const [key, row] of rows) if (!this.#rows.has(key)) this.#rows.set(key, row);
      for (const [holder, sequence] of sequences) {
        if (!this.#sequences.has(holder)) this.#sequences.set(holder, sequence);
      }
      throw error;
    }
  }
}

/** One statement, and so one commit. */
async function storeRows(
  database: Kysely<Tables>,
  rows: readonly LeaseRow[],
  sequences: ReadonlyMap<string, number>,
  now: number,
): Promise<void> {
  const numbers = (read: (row: LeaseRow) => number) => rows.map((row) => String(read(row)));
  const ends = rows.map(({ endsAt }) => (endsAt === null ? null : new Date(endsAt).toISOString()));
  await sql`
    with heard as (
      insert into lease_holders as known (holder, sequence, updated_at)
      select holder, sequence, ${new Date(now)}::timestamptz
      from unnest(${[...sequences.keys()]}::text[], ${[...sequences.values()].map(String)}::int8[]) as given (holder, sequence)
      on conflict (holder) do update
        set sequence = greatest(known.sequence, excluded.sequence), updated_at = excluded.updated_at
    )
    insert into counter_leases (counter, window_start, holder, granted, spent, reserved, ends_at, updated_at)
    select given.*, ${new Date(now)}::timestamptz
    from unnest(
      ${rows.map(({ counter }) => counter)}::text[],
      ${numbers(({ window }) => window)}::int8[],
      ${rows.map(({ holder }) => holder)}::text[],
      ${numbers(({ granted }) => granted)}::int8[],
      ${numbers(({ spent }) => spent)}::int8[],
      ${numbers(({ reserved }) => reserved)}::int8[],
      ${ends}::timestamptz[]
    ) as given
    on conflict (counter, window_start, holder) do update set
      granted = excluded.granted,
      spent = excluded.spent,
      reserved = excluded.reserved,
      updated_at = excluded.updated_at
  `.execute(database);
}

/** What was stored, and the newest sequence of each holder. */
export async function loadRows(
  database: Kysely<Tables>,
): Promise<{ rows: LeaseRow[]; sequences: ReadonlyMap<string, number> }> {
  const rows = await database.selectFrom("counter_leases").selectAll().execute();
  const holders = await database.selectFrom("lease_holders").select(["holder", "sequence"]).execute();
  return {
    rows: rows.map((row) => ({
      counter: row.counter,
      window: Number(row.window_start),
      holder: row.holder,
      granted: Number(row.granted),
      spent: Number(row.spent),
      reserved: Number(row.reserved),
      endsAt: row.ends_at?.getTime() ?? null,
    })),
    sequences: new Map(holders.map(({ holder, sequence }) => [holder, Number(sequence)])),
  };
}

async function deleteRows(database: Kysely<Tables>, endedBefore: number, kept: readonly string[]): Promise<void> {
  await sql`
    delete from counter_leases
    where ends_at < ${new Date(endedBefore)} or (granted = 0 and spent = 0 and reserved = 0)
  `.execute(database);
  await sql`
    delete from lease_holders
    where holder != all(${kept}::text[])
      and not exists (select from counter_leases where counter_leases.holder = lease_holders.holder)
  `.execute(database);
}
