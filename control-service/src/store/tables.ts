import type {
  Capabilities,
  LimitSettings,
  ModelSettings,
  ProjectSettings,
  ProviderSettings,
  UserSettings,
} from "@oneapi/contract";
import type { ColumnType, GeneratedAlways } from "kysely";
import type { RecordTables } from "../ledger/tables.ts";
import type { LimitTables } from "../limits/tables.ts";
import type { OperationTables } from "../operations/tables.ts";

/** A jsonb column: read as the value, written as its JSON text. */
export type Json<T> = ColumnType<T, string, string>;

export type Origin = "config" | "rest";

/** One secret of a provider's pool; `sealed` opens with the place `provider:NAME`. */
export interface StoredCredential {
  readonly id: string;
  readonly reference: string | null;
  readonly sealed: string;
}

interface ConfiguredTable<Settings> {
  name: string;
  position: number;
  settings: Json<Settings>;
  disabled: ColumnType<boolean, boolean | undefined, boolean>;
  origin: Origin;
  revision: bigint;
  updated_at: Date;
}

export interface ProvidersTable extends ConfiguredTable<ProviderSettings> {
  credentials: Json<StoredCredential[]>;
}

export interface TargetsTable {
  model: string;
  position: number;
  provider: string;
  upstream_model: string;
  priority: number;
  weight: number;
  capabilities: Json<Capabilities | null> | null;
}

export interface KeysTable {
  id: string;
  sequence: GeneratedAlways<bigint>;
  hash: string;
  name: string;
  project: string;
  user_name: string | null;
  models: Json<string[] | null> | null;
  allowed_ips: Json<string[]>;
  limits: Json<LimitSettings[]>;
  expires_at: Date | null;
  disabled: ColumnType<boolean, boolean | undefined, boolean>;
  origin: Origin;
  position: number | null;
  reference: string | null;
  revision: bigint;
  created_at: Date;
  updated_at: Date;
  revoked_at: Date | null;
}

/**
 * The database as Kysely sees it. bigint columns read as `bigint`, timestamptz as `Date`, jsonb as its value,
 * the same from PGlite and from PostgreSQL.
 */
export interface Tables extends RecordTables, OperationTables, LimitTables {
  revisions: { name: "config" | "keys"; value: bigint };
  service_settings: { name: string; value: string };
  providers: ProvidersTable;
  models: ConfiguredTable<ModelSettings>;
  targets: TargetsTable;
  projects: ConfiguredTable<ProjectSettings>;
  users: ConfiguredTable<UserSettings>;
  keys: KeysTable;
  key_changes: { revision: bigint; hash: string };
  idempotent_answers: {
    idempotency_key: string;
    request_hash: string;
    status: number;
    sealed_body: string;
    created_at: Date;
  };
}
