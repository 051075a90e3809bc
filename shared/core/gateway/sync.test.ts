import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { ByteWriter } from "../byte-writer.ts";
import { Gateway } from "./gateway.ts";
import { type Operation, READY, WAIT } from "./operation.ts";
import { Sync } from "./sync.ts";

const KEY = Buffer.from("sk-of-a-test-0123456789");
const LIMIT = { id: "key:k1:requests:none", metric: "requests", window: "none", amount: 10 };

interface Push {
  leases?: { sequence: number; entries: { id: string; need: number }[] };
  operations?: Record<string, unknown>[];
  records: { sequence: number; operation_id: string }[];
  keys: string[];
}

let gateway: Gateway;
let sync: Sync;
let now: number;
beforeEach(() => {
  now = 1_790_000_000_000;
  gateway = new Gateway("0000abcd", 1);
  sync = new Sync(gateway, "node", "0000abcd", "envoy");
});

function bytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function push(): Push | null {
  const out = new ByteWriter(0);
  return sync.push(now, out) ? (JSON.parse(Buffer.from(out.take()).toString()) as Push) : null;
}

function pushed(more: object = {}): void {
  sync.pushed(bytes({ version: 1, now_ms: now, key_revision: 0, acknowledged: 0, keys: [], ...more }), now);
}

function begin(): Operation {
  const operation = gateway.open(now);
  gateway.authorize(operation, "POST", "/v1/chat/completions", KEY, 0, KEY.length, now);
  return operation;
}

function submit(): [Operation, number] {
  const operation = begin();
  return [
    operation,
    gateway.submit(operation, bytes({ model: "m", messages: [{ role: "user", content: "Hi" }] }), now),
  ];
}

/** A gateway with the configuration and a key, and one record that waits. */
function withRecord(policy: object): void {
  const config = {
    version: "1",
    providers: [{ name: "p", kind: "openai", authority: "p.example", path: "/v1" }],
    models: [{ name: "m", targets: [{ provider: "p", model: "up" }], retries: 0 }],
  };
  sync.poll(now, new ByteWriter(0));
  sync.polled(bytes({ version: 1, config_version: "1", key_revision: 0, config }), now);
  begin();
  push();
  const hash = createHash("sha256").update(KEY).digest("hex");
  const known = { hash, known: true, id: "k1", project: "x", status: "active", ttl_ms: 300_000, models: [] };
  pushed({ keys: [{ ...known, ...policy }] });
  gateway.close(submit()[0], true, now);
  now += 250;
}

describe("a push that is refused for its records", () => {
  test("goes again under the same numbers, later and later, and soon again once they are taken", () => {
    withRecord({});
    const first = push()?.records;
    expect(first).toMatchObject([{ sequence: 1 }]);
    const pauses: number[] = [];
    for (let refusals = 0; refusals < 5; refusals++) {
      sync.pushRefused(now);
      const refusedAt = now;
      let again = push();
      while (again === null) {
        now += 50;
        again = push();
      }
      expect(again.records).toEqual(first);
      pauses.push(now - refusedAt);
    }
    expect(pauses).toEqual([250, 500, 1000, 2000, 2000]);
    pushed({ acknowledged: 1 });
    expect(gateway.outbox.isEmpty()).toBe(true);
    gateway.close(submit()[0], true, now);
    now += 250;
    expect(push()?.records).toMatchObject([{ sequence: 2 }]);
    sync.pushRefused(now);
    now += 250;
    expect(push()?.records).toMatchObject([{ sequence: 2 }]);
  });

  test("asks for its keys again at once, without the records", () => {
    withRecord({});
    gateway.keys.want("0".repeat(64));
    expect(push()).toMatchObject({ records: [{ sequence: 1 }], keys: ["0".repeat(64)] });
    sync.pushRefused(now);
    expect(push()).toMatchObject({ records: [], keys: ["0".repeat(64)] });
  });

  test("tells its leases and openings again at once, without the records", () => {
    withRecord({ limits: [LIMIT], accounting: "strict" });
    const [operation, state] = submit();
    expect(state).toBe(WAIT);
    const told = push();
    expect(told).toMatchObject({ records: [{ sequence: 1 }] });
    const entries = told?.leases?.entries;
    expect(entries).toMatchObject([{ id: LIMIT.id, need: 1 }]);
    sync.pushRefused(now);
    const again = push();
    expect(again).toMatchObject({ records: [] });
    expect(again?.leases?.entries).toEqual(entries);
    const grant = { id: LIMIT.id, window: 0, granted: 1, left: 9 };
    pushed({ leases: { sequence: 2, ttl_ms: 10_000, entries: [grant] } });
    // What the operation needs next does not wait for the records either.
    expect(gateway.resume(operation, now)).toBe(WAIT);
    expect(push()).toMatchObject({ records: [], operations: [{ operation_id: operation.id }] });
    pushed({ opened: true });
    expect(gateway.resume(operation, now)).toBe(READY);
  });

  test("is a failure like any other when it had no records", () => {
    withRecord({ limits: [LIMIT] });
    push();
    sync.pushRefused(now);
    const [operation] = submit();
    expect(push()).toMatchObject({ records: [], leases: { entries: [{ need: 1 }] } });
    sync.pushRefused(now);
    gateway.resume(operation, now);
    expect(operation.problem).toMatchObject({ status: 503, code: "control_unavailable" });
  });
});
