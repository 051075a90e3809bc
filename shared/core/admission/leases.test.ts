/** Leases over time, and what they say while the control service is silent or cannot reach its counters. */
import { beforeEach, expect, test } from "vitest";
import { ByteWriter } from "../byte-writer.ts";
import { Gateway } from "../gateway/gateway.ts";
import { Sync } from "../gateway/sync.ts";
import { Json } from "../json.ts";
import { JsonWriter } from "../json-writer.ts";
import { Leases } from "./leases.ts";
import { Limit, TOKENS } from "./limit.ts";
import { Reservation } from "./reservation.ts";
import { windowOf } from "./window.ts";

/** 20 s into a minute. */
const NOW = 1_790_000_000_000;
const MINUTE = Math.floor(NOW / 60_000) * 60_000;
const ID = "key:k1:tokens:minute";

let leases: Leases;
let limit: Limit;
let now: number;
beforeEach(() => {
  leases = new Leases();
  limit = new Limit(ID, TOKENS, windowOf("minute"), 1000);
  now = NOW;
});

/** Sends a message; what is done before it is answered. */
function send(): { entries: Record<string, unknown>[] } {
  const out = new ByteWriter(0);
  leases.write(now, new JsonWriter(out));
  return JSON.parse(Buffer.from(out.take()).toString());
}

function answer(leasesAnswer: object): void {
  leases.answer(Json.parse(Buffer.from(JSON.stringify(leasesAnswer))), now, now);
}

function grant(granted: number): void {
  send();
  answer({ sequence: 1, ttl_ms: 10_000, entries: [{ id: ID, window: MINUTE, granted, left: 0 }] });
}

function reservation(amount: number): Reservation {
  const made = new Reservation();
  made.add(limit, leases, amount, amount);
  return made;
}

const canTake = (amount: number) => reservation(amount).lacking(now, leases.areOwn(now), false) === null;

test("idle units are not used beyond their time, also while a message waits for its answer", () => {
  const taken = reservation(100);
  taken.wait(leases, now + 400);
  grant(500);
  taken.take(now);
  now += 9999;
  expect(canTake(400)).toBe(true);
  now += 1;
  expect(canTake(1)).toBe(false);
  // Nor does what a call leaves of its reservation come back here: the control service has given it up by now.
  taken.settle(0, 1, 10, 0);
  expect(canTake(1)).toBe(false);
  grant(110);
  expect(canTake(100)).toBe(true);
});

test("counters that were away are asked for until they are back, though nobody waits any more", () => {
  const taken = reservation(100);
  taken.wait(leases, now + 400);
  grant(100);
  taken.take(now);
  taken.settle(0, 1, 100, 0);
  grant(100);
  now += 3000;
  expect(leases.tick(now)).toBe(true);
  expect(send().entries).toEqual([]);
  answer({ unavailable: true });
  // The window turns, and nothing is left to tell of.
  now = MINUTE + 61_000;
  expect(leases.tick(now)).toBe(true);
  send();
  answer({ sequence: 9, ttl_ms: 10_000, entries: [] });
  expect(leases.unavailable).toBe(false);
  now += 60_000;
  expect(leases.tick(now)).toBe(false);
});

test("a lost control service is asked whether it is back, though there is nothing to tell", () => {
  const gateway = new Gateway("0000abcd", 1);
  const sync = new Sync(gateway, "node", "0000abcd", "envoy");
  const pushes = () => sync.push(now, new ByteWriter(0));
  gateway.keys.want("0".repeat(64));
  expect(pushes()).toBe(true);
  sync.pushFailed(now);
  expect(pushes()).toBe(false);
  now += 100;
  expect(pushes()).toBe(true);
  sync.pushed(Buffer.from(JSON.stringify({ version: 1, now_ms: now, key_revision: 0, acknowledged: 0 })), now);
  expect(gateway.controlLost).toBe(false);
  now += 1000;
  expect(pushes()).toBe(false);
});
