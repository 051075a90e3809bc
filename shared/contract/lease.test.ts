import { describe, expect, it } from "vitest";
import { syncRequestSchema, syncResponseSchema } from "./gateway.ts";
import { counterId, leaseRequestSchema, parseCounterId } from "./lease.ts";

describe("counter ids", () => {
  it.each([
    "key:key_1:requests:minute",
    "user:ada:spend:none",
    "project:search:concurrency:none",
    "model:search/gpt-5:tokens:hour",
    "model:search/vendor/name:v1:tokens:day",
  ])("are taken apart and put together again: %s", (id) => {
    const parts = parseCounterId(id);
    expect(parts && counterId(parts)).toBe(id);
  });

  it.each(["", "key", "key::requests:minute", "team:a:requests:minute", "key:a:calls:minute", "key:a:requests:week"])(
    "are nothing else: %j",
    (id) => {
      expect(parseCounterId(id)).toBeNull();
    },
  );
});

describe("leases in a sync", () => {
  const hello = { version: 1, node: "envoy-1", epoch: "0a", kind: "envoy" };

  it("are absent from gateways and services that know none", () => {
    expect(syncRequestSchema.parse(hello)).not.toHaveProperty("leases");
    const answer = { version: 1, now_ms: 1, config_version: "", key_revision: 0, keys_reset: false };
    const parsed = syncResponseSchema.parse({ ...answer, changed_keys: [], keys: [], acknowledged: 0 });
    expect(parsed).not.toHaveProperty("leases");
    expect(parsed).not.toHaveProperty("limits");
  });

  it("count in whole units that a double holds", () => {
    const claim = { id: "key:a:requests:minute", window: 0, spent: 0, reserved: 0 };
    expect(leaseRequestSchema.parse({ sequence: 1, entries: [claim] }).entries).toEqual([
      { ...claim, need: 0, keep: 0 },
    ]);
    for (const bad of [{ spent: -1 }, { reserved: 0.5 }, { need: 2 ** 53 }, { keep: "1" }]) {
      expect(leaseRequestSchema.safeParse({ sequence: 1, entries: [{ ...claim, ...bad }] }).success).toBe(false);
    }
  });
});
