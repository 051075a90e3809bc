import type { Clock } from "../clock.ts";
import type { Database } from "../store/database.ts";
import type {
  Claim,
  Counters,
  Entry,
  Grant,
  Note,
  NoteListener,
  Outcome,
  Place,
  Share,
  SilentHolder,
  Usage,
} from "./counters.ts";
import { decide } from "./grant.ts";
import { LeaseRows, loadRows } from "./lease-rows.ts";

/** Whose units are those of processes that are long gone. */
const NOBODY = "";
const MAX_SILENT = 64;

interface Row {
  granted: number;
  spent: number;
  reserved: number;
  /** True when operations of this holder wait for more. */
  waiting: boolean;
}

/** A counter in one window, with its sums kept beside its rows. */
interface Counter extends Place {
  readonly endsAt: number | null;
  readonly rows: Map<string, Row>;
  granted: number;
  spent: number;
  reserved: number;
  waiting: number;
}

interface Holder {
  heardAt: number;
  sequence: number;
  buriedAt: number | null;
  /** Its lasting counters, by {@link keyOf}. */
  readonly shares: Set<string>;
}

/**
 * Counters in the memory of the only instance, written to the database before each answer: a process that is killed
 * loses no grant. Atomic because nothing is waited for between reading and writing memory.
 */
export class ProcessCounters implements Counters {
  readonly #rows: LeaseRows;
  readonly #clock: Clock;
  readonly #notify: NoteListener;
  readonly #counters = new Map<string, Counter>();
  readonly #holders = new Map<string, Holder>();
  #alive = 0;

  private constructor(rows: LeaseRows, clock: Clock, notify: NoteListener) {
    this.#rows = rows;
    this.#clock = clock;
    this.#notify = notify;
  }

  /** Goes on where the last process ended; every holder counts as heard of now. */
  static async open(database: Database, clock: Clock, notify: NoteListener): Promise<ProcessCounters> {
    const counters = new ProcessCounters(new LeaseRows(database.query), clock, notify);
    const { rows, sequences } = await loadRows(database.query);
    for (const row of rows) {
      if (row.holder !== NOBODY) counters.#hear(row.holder, clock.now()).sequence = sequences.get(row.holder) ?? 0;
      counters.#set(counters.#counter(row, row.endsAt), row.holder, { ...row, waiting: false }, true);
    }
    return counters;
  }

  async claim({ holder: name, sequence, now, entries }: Claim): Promise<Outcome> {
    const holder = this.#hear(name, now);
    const missing = entries.filter((entry) => entry.balance && !this.#counters.has(keyOf(entry)));
    if (missing.length > 0) return { kind: "missing", balances: [...new Set(missing.map(({ counter }) => counter))] };
    const fresh = sequence > holder.sequence;
    if (fresh) holder.sequence = sequence;
    const notes: Note[] = [];
    const grants = entries.map((entry) => this.#grant(name, entry, fresh, notes));
    await this.#rows.durable(now);
    this.#tell(notes);
    return { kind: "granted", sequence: holder.sequence, grants };
  }

  async open(counter: string, spent: ReadonlyMap<string, number>): Promise<void> {
    const place = { counter, window: 0 };
    if (this.#counters.has(keyOf(place))) return;
    const begun = this.#counter(place, null);
    for (const [holder, units] of spent) {
      this.#write(begun, holder, { granted: units, spent: units, reserved: 0, waiting: false }, true);
    }
    await this.#rows.durable(this.#clock.now());
  }

  async announce(places: readonly Place[]): Promise<void> {
    for (const place of places) {
      const counter = this.#counters.get(keyOf(place));
      const rows = [...(counter?.rows ?? [])].filter(([, row]) => row.waiting || idle(row) > 0);
      this.#tell(rows.map(([holder]) => ({ holder, counter: place.counter })));
    }
  }

  async read(places: readonly Place[]): Promise<(Usage | null)[]> {
    return places.map((place) => {
      const counter = this.#counters.get(keyOf(place));
      return counter ? { granted: counter.granted, spent: counter.spent, reserved: counter.reserved } : null;
    });
  }

  async silent(before: number): Promise<SilentHolder[]> {
    const found: SilentHolder[] = [];
    for (const [name, { heardAt, buriedAt, shares }] of this.#holders) {
      if (found.length === MAX_SILENT) break;
      if (buriedAt === null && heardAt < before) {
        found.push({ holder: name, heardAt, shares: [...shares].flatMap((key) => this.#shareOf(name, key)) });
      }
    }
    return found;
  }

  async bury(name: string, heardAt: number, shares: readonly Share[], now: number): Promise<boolean> {
    const holder = this.#holders.get(name);
    if (holder === undefined || holder.buriedAt !== null || holder.heardAt !== heardAt) return false;
    holder.buriedAt = now;
    this.#alive--;
    const notes: Note[] = [];
    for (const { granted, spent, reserved, ...place } of shares) {
      const counter = this.#counters.get(keyOf(place));
      if (counter === undefined) continue;
      const before = counter.granted;
      this.#write(counter, name, { granted, spent, reserved, waiting: false }, true);
      if (counter.granted < before) this.#noteWaiting(counter, name, notes);
    }
    await this.#rows.durable(now);
    this.#tell(notes);
    return true;
  }

  async forget(before: number): Promise<void> {
    for (const [name, { buriedAt, shares }] of this.#holders) {
      if (buriedAt === null || buriedAt >= before) continue;
      for (const key of [...shares]) {
        const counter = this.#counters.get(key);
        const row = counter?.rows.get(name);
        if (counter === undefined || row === undefined) continue;
        const sum = counter.rows.get(NOBODY) ?? emptyRow();
        const added = { granted: sum.granted + row.granted, spent: sum.spent + row.spent, reserved: 0, waiting: false };
        this.#write(counter, NOBODY, added, true);
        this.#write(counter, name, emptyRow(), true);
      }
      this.#holders.delete(name);
    }
    await this.#rows.durable(this.#clock.now());
  }

  async sweep(endedBefore: number): Promise<void> {
    for (const [key, { endsAt, rows }] of this.#counters) {
      if (endsAt === null || endsAt >= endedBefore) continue;
      for (const name of rows.keys()) this.#holders.get(name)?.shares.delete(key);
      this.#counters.delete(key);
    }
    await this.#rows.sweep(endedBefore, [...this.#holders.keys()]);
  }

  async size(): Promise<number> {
    return this.#counters.size;
  }

  async close(): Promise<void> {
    await this.#rows.durable(this.#clock.now());
  }

  #hear(name: string, now: number): Holder {
    const holder = this.#holders.get(name);
    if (holder === undefined) {
      const made: Holder = { heardAt: now, sequence: 0, buriedAt: null, shares: new Set() };
      this.#holders.set(name, made);
      this.#alive++;
      return made;
    }
    if (holder.buriedAt !== null) this.#alive++;
    holder.buriedAt = null;
    holder.heardAt = now;
    return holder;
  }

  #grant(name: string, entry: Entry, fresh: boolean, notes: Note[]): Grant {
    const counter = this.#counters.get(keyOf(entry));
    const row = counter?.rows.get(name) ?? emptyRow();
    const stock = { total: counter?.granted ?? 0, held: row.granted, holders: this.#alive };
    const { granted, edge, unmet } = decide(entry, stock);
    if (!fresh) {
      const left = Math.max(0, entry.amount - stock.total);
      const waits = entry.current && row.granted < entry.spent + entry.reserved + entry.need;
      return { granted: row.granted, left, edge, final: waits && isFinal(counter, row, entry.refundable) };
    }
    const next = { granted, spent: entry.spent, reserved: entry.reserved, waiting: unmet };
    // A window that is over and forgotten does not come back.
    if (counter === undefined && !entry.current) return { granted, left: 0, edge, final: false };
    const kept = counter ?? this.#counter(entry, entry.endsAt);
    this.#write(kept, name, next, entry.lasting);
    if (unmet) {
      for (const [other, held] of kept.rows)
        if (other !== name && idle(held) > 0) notes.push({ holder: other, counter: entry.counter });
    }
    if (kept.granted < stock.total) this.#noteWaiting(kept, name, notes);
    const left = Math.max(0, entry.amount - kept.granted);
    return { granted, left, edge, final: unmet && isFinal(kept, next, entry.refundable) };
  }

  #counter(place: Place, endsAt: number | null): Counter {
    const key = keyOf(place);
    const found = this.#counters.get(key);
    if (found !== undefined) return found;
    const { counter, window } = place;
    const made = { counter, window, endsAt, rows: new Map(), granted: 0, spent: 0, reserved: 0, waiting: 0 };
    this.#counters.set(key, made);
    return made;
  }

  /** Sets a row in memory and has it written, when it is another than before. */
  #write(counter: Counter, name: string, row: Row, lasting: boolean): void {
    const before = counter.rows.get(name) ?? emptyRow();
    this.#set(counter, name, row, lasting);
    if (before.granted === row.granted && before.spent === row.spent && before.reserved === row.reserved) return;
    const { counter: id, window, endsAt } = counter;
    const { granted, spent, reserved } = row;
    const sequence = this.#holders.get(name)?.sequence ?? null;
    this.#rows.put({ counter: id, window, endsAt, holder: name, granted, spent, reserved }, sequence);
  }

  #set(counter: Counter, name: string, row: Row, lasting: boolean): void {
    const before = counter.rows.get(name) ?? emptyRow();
    counter.granted += row.granted - before.granted;
    counter.spent += row.spent - before.spent;
    counter.reserved += row.reserved - before.reserved;
    counter.waiting += Number(row.waiting) - Number(before.waiting);
    const shares = this.#holders.get(name)?.shares;
    if (row.granted === 0 && row.spent === 0 && row.reserved === 0 && !row.waiting) {
      counter.rows.delete(name);
      shares?.delete(keyOf(counter));
      return;
    }
    counter.rows.set(name, row);
    if (lasting) shares?.add(keyOf(counter));
  }

  #shareOf(name: string, key: string): Share[] {
    const counter = this.#counters.get(key);
    const row = counter?.rows.get(name);
    if (counter === undefined || row === undefined) return [];
    const { granted, spent, reserved } = row;
    return [{ counter: counter.counter, window: counter.window, granted, spent, reserved }];
  }

  #noteWaiting(counter: Counter, except: string, notes: Note[]): void {
    if (counter.waiting === 0) return;
    for (const [name, row] of counter.rows) {
      if (row.waiting && name !== except) notes.push({ holder: name, counter: counter.counter });
    }
  }

  #tell(notes: readonly Note[]): void {
    if (notes.length > 0) this.#notify(notes);
  }
}

function keyOf({ counter, window }: Place): string {
  return `${window} ${counter}`;
}

function emptyRow(): Row {
  return { granted: 0, spent: 0, reserved: 0, waiting: false };
}

function idle({ granted, spent, reserved }: Usage): number {
  return granted - spent - reserved;
}

/** True when no other holder has idle units, and none has reserved any that may come back. */
function isFinal(counter: Counter | undefined, own: Usage, refundable: boolean): boolean {
  if (counter === undefined) return true;
  return idle(counter) === idle(own) && !(refundable && counter.reserved > 0);
}
