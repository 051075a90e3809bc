/**
 * Records as one array per column, in PostgreSQL's own spelling (`{1,2}`, `{"a",NULL}`), so that a batch is one
 * statement over UNNEST and drivers have nothing to convert. Building the text here is several times faster than the
 * drivers' general conversion.
 */
import type { UsageRecord } from "@oneapi/contract";
import type { Charge } from "./pricing.ts";
import type { Source } from "./source.ts";

export interface ChargedRecord {
  readonly source: Source;
  readonly record: UsageRecord;
  readonly charge: Charge;
}

interface Column {
  readonly name: string;
  readonly type: "int8" | "int4" | "text" | "bool" | "timestamptz" | "json";
  readonly value: (entry: ChargedRecord) => string | number | bigint | boolean | null;
}

/** The columns of usage_records that differ from record to record. */
export const recordColumns: readonly Column[] = [
  { name: "gateway", type: "text", value: ({ source }) => source.node },
  { name: "epoch", type: "text", value: ({ source }) => source.epoch },
  { name: "operation_id", type: "text", value: ({ record }) => record.operation_id },
  { name: "created_at", type: "timestamptz", value: ({ record }) => new Date(record.created_at_ms).toISOString() },
  { name: "sequence", type: "int8", value: ({ record }) => record.sequence },
  { name: "key_id", type: "text", value: ({ record }) => record.key },
  { name: "project", type: "text", value: ({ record }) => record.project },
  { name: "user_name", type: "text", value: ({ record }) => record.user },
  { name: "endpoint", type: "text", value: ({ record }) => record.endpoint },
  { name: "stream", type: "bool", value: ({ record }) => record.stream },
  { name: "requested_model", type: "text", value: ({ record }) => record.requested_model ?? "" },
  { name: "served_model", type: "text", value: ({ record }) => record.served_model },
  { name: "provider", type: "text", value: ({ record }) => record.provider },
  { name: "outcome", type: "text", value: ({ record }) => record.outcome },
  { name: "prompt_tokens", type: "int4", value: ({ record }) => record.usage.prompt_tokens },
  { name: "cached_tokens", type: "int4", value: ({ record }) => record.usage.cached_tokens },
  { name: "cache_write_tokens", type: "int4", value: ({ record }) => record.usage.cache_write_tokens },
  { name: "completion_tokens", type: "int4", value: ({ record }) => record.usage.completion_tokens },
  { name: "reasoning_tokens", type: "int4", value: ({ record }) => record.usage.reasoning_tokens },
  { name: "images", type: "int4", value: ({ record }) => record.usage.images },
  { name: "raw_usage", type: "json", value: ({ record }) => record.raw_usage && JSON.stringify(record.raw_usage) },
  { name: "usage_source", type: "text", value: ({ record }) => record.usage_source },
  { name: "tokenizer", type: "text", value: ({ record }) => record.tokenizer },
  { name: "attempts", type: "json", value: ({ record }) => JSON.stringify(record.attempts) },
  { name: "ttft_ms", type: "int4", value: ({ record }) => record.ttft_ms },
  { name: "latency_ms", type: "int4", value: ({ record }) => record.latency_ms },
  { name: "price_version", type: "text", value: ({ charge }) => charge.version },
  { name: "cost_nano_usd", type: "int8", value: ({ charge }) => charge.cost },
];

/** The array literal of a column. */
export function arrayLiteral(column: Column, entries: readonly ChargedRecord[]): string {
  let text = "{";
  for (let index = 0; index < entries.length; index++) {
    const value = column.value(entries[index] as ChargedRecord);
    if (index > 0) text += ",";
    text += value === null ? "NULL" : typeof value === "string" ? quote(value) : value;
  }
  return `${text}}`;
}

const SPECIAL = /["\\\0]/;

/** A string as an element. PostgreSQL's text has no NUL: a client may send one in a model's name, so it is replaced. */
function quote(text: string): string {
  if (!SPECIAL.test(text)) return `"${text}"`;
  return `"${text.replaceAll("\0", "\ufffd").replace(/["\\]/g, "\\$&")}"`;
}
