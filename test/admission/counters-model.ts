/**
 * The control service's side of leases as the agreement has it (docs/limits.md), as small as can be, for tests of the
 * gateway's side: one `amount` for each counter, claims of many gateways.
 */
interface Row {
  granted: number;
  spent: number;
  reserved: number;
  sequence: number;
}

interface Entry {
  id: string;
  window: number;
  spent: number;
  reserved: number;
  need: number;
  keep: number;
}

export class CountersModel {
  readonly amounts: Record<string, number>;
  /** By counter and window, then by gateway. */
  readonly rows = new Map<string, Map<string, Row>>();
  /** Counters that a gateway is to report on. */
  readonly notes = new Map<string, Set<string>>();
  readonly #answered = new Map<string, number>();
  gateways = 1;

  constructor(amounts: Record<string, number>) {
    this.amounts = amounts;
  }

  granted(id: string, window: number): number {
    let sum = 0;
    for (const row of this.rows.get(`${id}@${window}`)?.values() ?? []) sum += row.granted;
    return sum;
  }

  /** Answers one message's `leases`; `windowOf` tells the present window of a counter. */
  answer(gateway: string, leases: { sequence: number; entries: Entry[] }, windowOf: (id: string) => number) {
    const fresh = leases.sequence > (this.#answered.get(gateway) ?? 0);
    if (fresh) this.#answered.set(gateway, leases.sequence);
    const entries = leases.entries.flatMap((entry) => {
      const amount = this.amounts[entry.id];
      return amount === undefined ? [] : [this.#claim(gateway, entry, amount, fresh, windowOf(entry.id))];
    });
    return { sequence: leases.sequence, ttl_ms: 10_000, entries };
  }

  #claim(gateway: string, entry: Entry, amount: number, fresh: boolean, window: number) {
    const { id, spent, reserved, need, keep } = entry;
    const name = `${id}@${entry.window}`;
    const rows = this.rows.get(name) ?? new Map<string, Row>();
    this.rows.set(name, rows);
    const row = rows.get(gateway) ?? { granted: 0, spent: 0, reserved: 0, sequence: 0 };
    rows.set(gateway, row);
    if (fresh && entry.window === window) {
      const before = row.granted;
      const used = spent + reserved;
      const free = amount - (this.granted(id, entry.window) - before);
      const near = free - used - need <= amount / 5;
      const most = Math.max(need, Math.floor((free - used) / (2 * this.gateways)));
      const wanted = near ? need : Math.min(need + keep, most);
      const claim = used + need + keep;
      Object.assign(row, { spent, reserved });
      row.granted = Math.max(used, Math.min(before, claim), Math.min(used + wanted, free));
      if (row.granted < before) this.#note(id, rows, gateway, (other) => this.#waiting.has(`${other} ${id}`));
    }
    const short = row.granted - spent - reserved < need;
    const others = [...rows].filter(([other]) => other !== gateway);
    const idle = others.filter(([, other]) => other.granted > other.spent + other.reserved);
    const mayReturn = /:(tokens|spend):/.test(id) && [...rows.values()].some((other) => other.reserved > 0);
    if (short) this.#waiting.add(`${gateway} ${id}`);
    else this.#waiting.delete(`${gateway} ${id}`);
    if (short) this.#note(id, new Map(idle), gateway, () => true);
    const left = Math.max(0, amount - this.granted(id, entry.window));
    const edge = left <= amount / 5;
    return { id, window, granted: row.granted, left, edge, final: short && idle.length === 0 && !mayReturn };
  }

  readonly #waiting = new Set<string>();

  #note(id: string, rows: Map<string, Row>, except: string, wants: (gateway: string) => boolean): void {
    for (const gateway of rows.keys()) {
      if (gateway === except || !wants(gateway)) continue;
      const notes = this.notes.get(gateway) ?? new Set<string>();
      this.notes.set(gateway, notes.add(id));
    }
  }
}
