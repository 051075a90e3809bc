import type { UsageRecord } from "@oneapi/contract";

/** A record as a gateway would send it; the same sequence gives the same one. */
export function usageRecord(sequence: number, change: Partial<UsageRecord> = {}): UsageRecord {
  return {
    sequence,
    operation_id: `operation-${sequence}`,
    created_at_ms: Date.parse("2026-01-01T00:00:00Z") + sequence,
    key: "key_1",
    project: "search",
    user: null,
    endpoint: "/v1/chat/completions",
    stream: false,
    requested_model: "chat",
    served_model: "gpt-x",
    provider: "openai",
    outcome: "ok",
    usage: {
      prompt_tokens: 100,
      cached_tokens: 0,
      cache_write_tokens: 0,
      completion_tokens: 50,
      reasoning_tokens: 0,
      images: 0,
    },
    raw_usage: { prompt_tokens: 100, completion_tokens: 50 },
    usage_source: "provider",
    tokenizer: null,
    attempts: [{ provider: "openai", model: "gpt-x", status: 200, error: null, latency_ms: 40 }],
    ttft_ms: null,
    latency_ms: 42,
    ...change,
  };
}
