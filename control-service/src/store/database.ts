import type { Kysely } from "kysely";
import type { Changes } from "./changes.ts";
import type { Tables } from "./tables.ts";

/** An open, migrated database. */
export interface Database {
  readonly kind: "pglite" | "postgres";
  readonly query: Kysely<Tables>;
  readonly changes: Changes;
  /** Ends listening and every connection; open transactions are waited for. */
  close(): Promise<void>;
}

/** PostgreSQL's type numbers of the columns that PGlite and pg would read in different shapes. */
export const INT8_OID = 20;
export const NUMERIC_OID = 1700;
