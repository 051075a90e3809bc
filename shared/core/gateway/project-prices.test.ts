import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { ByteWriter } from "../byte-writer.ts";
import { Json } from "../json.ts";
import { Config } from "./config.ts";
import { Gateway } from "./gateway.ts";
import { type Operation, READY, WAIT } from "./operation.ts";
import { Sync } from "./sync.ts";

const NOW = 1_790_000_000_000;
const KEY = Buffer.from("sk-of-a-test-0123456789");
const SPEND = { id: "project:x:spend:none", metric: "spend", window: "none", amount: 1_000_000_000_000 };
/** USD per million tokens, as gateways are told. */
const usd = (input: number, output: number) => ({ input: input * 1e9, output: output * 1e9 });

let gateway: Gateway;
let sync: Sync;
beforeEach(() => {
  gateway = new Gateway("0000abcd", 1);
  sync = new Sync(gateway, "node", "0000abcd", "envoy");
});

function bytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** A key whose project has these prices; of the models `cheap` has a price and `free` has none. */
function open(prices: object[]): void {
  const targets = (rates?: object) => [{ provider: "p", model: "up", ...(rates && { rates }) }];
  const config = {
    version: "1",
    providers: [{ name: "p", kind: "openai", authority: "p.example", path: "/v1" }],
    models: [
      { name: "cheap", targets: targets(usd(1, 2)), retries: 0 },
      { name: "free", targets: targets(), retries: 0 },
    ],
  };
  gateway.config = Config.read(Json.parse(bytes(config)) as Json);
  authorized();
  const hash = createHash("sha256").update(KEY).digest("hex");
  const known = { hash, known: true, id: "k1", project: "x", status: "active", ttl_ms: 300_000, models: [] };
  answer({ keys: [{ ...known, limits: [SPEND], prices }] });
}

function authorized(): Operation {
  const operation = gateway.open(NOW);
  gateway.authorize(operation, "POST", "/v1/chat/completions", KEY, 0, KEY.length, NOW);
  return operation;
}

function answer(more: object): { leases: { entries: { need: number; spent: number }[] } } {
  const out = new ByteWriter(0);
  expect(sync.push(NOW, out)).toBe(true);
  const told = JSON.parse(Buffer.from(out.take()).toString());
  sync.pushed(bytes({ version: 1, now_ms: NOW, key_revision: 0, acknowledged: 0, keys: [], ...more }), NOW);
  return told;
}

/** What a call of 1,000 output tokens reserves, and what is settled when it used 100 and 10 tokens. */
function reservedAndSettled(model: string): [number, number] {
  const operation = authorized();
  const call = { model, messages: [{ role: "user", content: "Hi" }], max_tokens: 1000 };
  expect(gateway.submit(operation, bytes(call), NOW)).toBe(WAIT);
  const grant = { id: SPEND.id, window: 0, granted: SPEND.amount, left: 0 };
  const told = answer({ leases: { sequence: 1, ttl_ms: 10_000, entries: [grant] } });
  expect(gateway.resume(operation, NOW)).toBe(READY);
  const attempt = gateway.attempt(operation, "", NOW);
  if (attempt === null) throw new Error("no attempt");
  Object.assign(attempt.exchange.usage, { prompt: 100, completion: 10, source: 1 });
  attempt.complete = true;
  gateway.close(operation, false, NOW);
  const out = new ByteWriter(0);
  sync.push(NOW + 250, out);
  const settled = JSON.parse(Buffer.from(out.take()).toString()).leases.entries[0];
  return [told.leases.entries[0]?.need ?? -1, settled.spent];
}

describe("prices of a project", () => {
  test("take the place of what the targets cost, in the reservation and in the settlement", () => {
    open([{ model: "cheap", rates: usd(10, 20) }]);
    const [reserved, settled] = reservedAndSettled("cheap");
    expect(settled).toBe(100 * 10_000 + 10 * 20_000);
    expect(reserved).toBeGreaterThan(1000 * 20_000);
  });

  test("leave other models as they are", () => {
    open([{ model: "other", rates: usd(10, 20) }]);
    const [reserved, settled] = reservedAndSettled("cheap");
    expect(settled).toBe(100 * 1000 + 10 * 2000);
    expect(reserved).toBeLessThan(1000 * 20_000);
  });

  test("let a model without a price be used under a budget", () => {
    open([{ model: "free", rates: usd(0, 3) }]);
    expect(reservedAndSettled("free")[1]).toBe(10 * 3000);
  });

  test("are all that such a model has", () => {
    open([]);
    const operation = authorized();
    gateway.submit(operation, bytes({ model: "free", messages: [{ role: "user", content: "Hi" }] }), NOW);
    expect(operation.problem).toMatchObject({ status: 403, code: "model_not_priced" });
  });
});
