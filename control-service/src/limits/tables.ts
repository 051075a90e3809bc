import type { GeneratedAlways } from "kysely";

/** The tables of sql/0006_limits.sql. */
export interface LimitTables {
  counter_leases: {
    counter: string;
    window_start: bigint;
    holder: string;
    granted: bigint;
    spent: bigint;
    reserved: bigint;
    ends_at: Date | null;
    updated_at: Date;
  };
  lease_holders: { holder: string; sequence: bigint; updated_at: Date };
  balances: { counter: string; opened_at: Date };
  balance_entries: {
    id: GeneratedAlways<bigint>;
    counter: string;
    created_at: Date;
    author: string;
    reason: string;
    amount_nano_usd: bigint;
  };
}
