/**
 * Usage records: the one ledger row of an operation.
 *
 * A gateway writes `UsageRecord`s and sends them with its sync; the control service prices them and answers them to
 * administrators as `LedgerRecord`s.
 */
import { z } from "zod";

export const outcomes = ["ok", "client_error", "provider_error", "client_closed", "truncated", "rejected"] as const;
export type Outcome = (typeof outcomes)[number];

export const usageSources = ["provider", "tokenizer", "estimate", "none"] as const;

/** The largest count a gateway can hold: the portable core counts in i32. It also keeps every cost below 2^63 nano-USD. */
export const MAX_COUNT = 2_147_483_647;

export const MAX_IMAGES = 1_000_000;

/** The last millisecond of the year 9999, the end of what RFC 3339 can write. */
export const MAX_TIME_MS = 253_402_300_799_999;

const count = z.int().min(0).max(MAX_COUNT);
const name = z.string().min(1).max(256);
/** A gateway measures by a clock that may be set while it does: no reason to refuse a record of money. */
const duration = z.int().overwrite((ms) => Math.min(Math.max(ms, 0), MAX_COUNT));

/**
 * What an operation used, in the control service's one meaning of the words:
 * `prompt_tokens` includes the cached and cache-write ones, `completion_tokens` includes the reasoning ones.
 */
export const usageSchema = z.object({
  prompt_tokens: count.default(0),
  cached_tokens: count.default(0),
  cache_write_tokens: count.default(0),
  completion_tokens: count.default(0),
  reasoning_tokens: count.default(0),
  /** No answer holds so many; with it, every cost stays below 2^63 nano-USD. */
  images: count.overwrite((images) => Math.min(images, MAX_IMAGES)).default(0),
});
export type Usage = z.infer<typeof usageSchema>;

/** One upstream call; `status` is null when no answer came, `error` then says why. */
export const attemptSchema = z.object({
  provider: name,
  model: z.string().max(1024),
  status: z.int().min(0).max(999).nullable(),
  error: z.string().max(1024).nullable().default(null),
  latency_ms: duration,
});
export type Attempt = z.infer<typeof attemptSchema>;

/** A record as a gateway sends it. `(node, epoch, sequence)` numbers the records of one gateway process from 1. */
export const usageRecordSchema = z.object({
  sequence: z.int().min(1),
  operation_id: name,
  created_at_ms: z.int().min(0).max(MAX_TIME_MS),
  key: name,
  project: name,
  user: name.nullable().default(null),
  endpoint: name,
  stream: z.boolean(),
  /** What the client asked for, so it may be long; null when it could not be read. */
  requested_model: z.string().max(4096).nullable(),
  served_model: z.string().max(1024).nullable(),
  provider: name.nullable(),
  outcome: z.enum(outcomes),
  usage: usageSchema,
  raw_usage: z.record(z.string(), z.unknown()).nullable().default(null),
  usage_source: z.enum(usageSources),
  tokenizer: name.nullable().default(null),
  attempts: z.array(attemptSchema).max(64),
  ttft_ms: duration.nullable().default(null),
  latency_ms: duration,
});
export type UsageRecord = z.infer<typeof usageRecordSchema>;

/** The price version of a record whose model had no price: its cost is unknown (null), which is not zero. */
export const UNPRICED = "unpriced";

/** A record as `GET /admin/v1/records` answers it. */
export const ledgerRecordSchema = z.object({
  id: z.string(),
  operation_id: z.string(),
  /** RFC 3339 in UTC with milliseconds. */
  created_at: z.iso.datetime(),
  project: z.string(),
  key: z.string(),
  user: z.string().nullable(),
  endpoint: z.string(),
  stream: z.boolean(),
  requested_model: z.string().nullable(),
  served_model: z.string().nullable(),
  provider: z.string().nullable(),
  outcome: z.enum(outcomes),
  usage: usageSchema,
  usage_source: z.enum(usageSources),
  tokenizer: z.string().nullable(),
  /** Content hash of the price row that was used, or "unpriced". */
  price_version: z.string(),
  /** Whole nano-USD (10^-9 USD). A JSON number is exact up to 2^53, which is nine million USD for one operation. */
  cost_nano_usd: z.number().nullable(),
  attempts: z.array(attemptSchema),
  ttft_ms: z.number().nullable(),
  latency_ms: z.number(),
  gateway: z.string(),
});
export type LedgerRecord = z.infer<typeof ledgerRecordSchema>;

export const recordPageSchema = z.object({ items: z.array(ledgerRecordSchema), next: z.string().nullable() });
export type RecordPage = z.infer<typeof recordPageSchema>;

/** RFC 3339; a date alone is its first moment in UTC. */
const instant = z.union([z.iso.datetime({ offset: true }), z.iso.date()], {
  error: "must be a time like 2027-01-31T12:00:00Z or a date",
});

/** Query of `GET /admin/v1/records`. `from` is included, `to` is not, so that adjoining ranges add up. */
export const recordFilterSchema = z.strictObject({
  operation_id: name.optional(),
  project: name.optional(),
  key: name.optional(),
  user: name.optional(),
  /** The public name that the client asked for. */
  model: z.string().min(1).max(4096).optional(),
  provider: name.optional(),
  outcome: z.enum(outcomes).optional(),
  from: instant.optional(),
  to: instant.optional(),
  cursor: z.string().min(1).max(256).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export type RecordFilter = z.infer<typeof recordFilterSchema>;
