import type { Attempt, Outcome } from "@oneapi/contract";
import type { GeneratedAlways } from "kysely";

/** A json column: read as the value, written as its text by the statements of this folder. */
type ReadOnlyJson<T> = T;

export interface UsageRecordsTable {
  id: GeneratedAlways<bigint>;
  operation_id: string;
  created_at: Date;
  received_at: Date;
  gateway: string;
  epoch: string;
  sequence: bigint;
  key_id: string;
  project: string;
  user_name: string | null;
  endpoint: string;
  stream: boolean;
  requested_model: string;
  served_model: string | null;
  provider: string | null;
  outcome: Outcome;
  prompt_tokens: number;
  cached_tokens: number;
  cache_write_tokens: number;
  completion_tokens: number;
  reasoning_tokens: number;
  images: number;
  raw_usage: ReadOnlyJson<Record<string, unknown>> | null;
  usage_source: "provider" | "tokenizer" | "estimate" | "none";
  tokenizer: string | null;
  attempts: ReadOnlyJson<Attempt[]>;
  ttft_ms: number | null;
  latency_ms: number;
  price_version: string;
  cost_nano_usd: bigint | null;
  provisional: boolean;
}

export interface PricesTable {
  /** "": the price of all projects that have none of their own. */
  project: string;
  /** "": the price of a public model. */
  provider: string;
  model: string;
  version: string;
  /** Nano-USD per million tokens, like the other four. */
  input: bigint;
  cached_input: bigint;
  cache_write: bigint;
  output: bigint;
  reasoning: bigint;
  /** Nano-USD for each. */
  image: bigint;
  tiers: ReadOnlyJson<StoredTier[]>;
  in_force_at: Date;
}

/** Rates of long prompts; money as text, as a JSON number would be read as a double. */
export interface StoredTier {
  above: number;
  input: string;
  cached_input: string;
  cache_write: string;
  output: string;
  reasoning: string;
}

export interface GatewaySequencesTable {
  node: string;
  epoch: string;
  /** A multirange in its text form, `{[1,5),[7,9)}`. */
  received: string;
  lost: string;
  updated_at: Date;
}

export interface RejectedRecordsTable {
  id: GeneratedAlways<bigint>;
  received_at: Date;
  gateway: string;
  epoch: string;
  sequence: bigint | null;
  reason: string;
  record: ReadOnlyJson<unknown>;
  digest: string;
}

/** The tables of sql/0002_records.sql, as later migrations left them. */
export interface RecordTables {
  usage_records: UsageRecordsTable;
  prices: PricesTable;
  gateway_sequences: GatewaySequencesTable;
  rejected_records: RejectedRecordsTable;
}
