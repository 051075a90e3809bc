import { describe, expect, test } from "vitest";
import { Fleet, START } from "./fleet.ts";

/** A sequence of numbers in [0, 1), the same in each run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
}

const REQUESTS = "key:k:requests:minute";
/** The middle of a minute, so that no window turns under a test that is not about it. */
const SETTLED = START + 5000;

function fleet(gateways: number, amounts: Record<string, number>, more: object = {}): Fleet {
  const next = random(3);
  const made = new Fleet({ gateways, amounts, latency: () => 1 + next() * 2, ...more });
  made.run(SETTLED);
  return made;
}

describe("requests at once on a limit", () => {
  test.each([1, 2, 4, 16, 64])("of 100, 200 of them over %i gateways: exactly 100 pass", (gateways) => {
    const world = fleet(gateways, { [REQUESTS]: 100 });
    const next = random(gateways);
    for (let i = 0; i < 200; i++) {
      world.at(SETTLED + next() * 5, () => world.call(Math.floor(next() * gateways), {}));
    }
    world.run(SETTLED + 2000);
    expect([world.count("admitted"), world.count("refused")]).toEqual([100, 100]);
  });

  test.each([2, 16, 200])("of 6000, spread over 50 s and %i gateways: all pass, hardly any waits", (gateways) => {
    const world = fleet(gateways, { [REQUESTS]: 6000 });
    const next = random(gateways);
    const minute = Math.ceil(SETTLED / 60_000) * 60_000;
    for (let i = 0; i < 6000; i++) {
      world.at(minute + 100 + next() * 50_000, () => world.call(Math.floor(next() * gateways), {}));
    }
    world.run(minute + 52_000);
    expect([world.count("admitted"), world.count("refused")]).toEqual([6000, 0]);
    const waits = world.outcomes.map(({ waitedMs }) => waitedMs).sort((a, b) => a - b);
    expect(waits[waits.length >> 1]).toBeLessThan(10);
    expect(waits[Math.floor(waits.length * 0.99)]).toBeLessThan(100);
    expect(world.pushes).toBeLessThan(gateways * 250 + 8000);
  });

  test("that one gateway was busy with first, all others afterwards: exactly the limit passes", () => {
    const world = fleet(4, { [REQUESTS]: 100 });
    for (let i = 0; i < 50; i++) world.at(SETTLED + i * 10, () => world.call(0, {}));
    for (let i = 0; i < 100; i++) world.at(SETTLED + 1000 + i, () => world.call(1 + (i % 3), {}));
    world.run(SETTLED + 3000);
    expect([world.count("admitted"), world.count("refused")]).toEqual([100, 50]);
  });

  test("in each window anew", () => {
    const world = fleet(2, { "key:k:requests:second": 10 });
    for (let i = 0; i < 500; i++) world.at(SETTLED + 1 + i * 8, () => world.call(i % 2, {}));
    world.run(SETTLED + 6000);
    const bySecond = new Map<number, number>();
    for (const { at, state } of world.outcomes) {
      const second = Math.floor(at / 1000);
      if (state === "admitted") bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
    }
    for (const admitted of bySecond.values()) expect(admitted).toBeLessThanOrEqual(10);
    expect(world.count("admitted")).toBe(40);
  });
});

describe("a hot key", () => {
  test("of 10,000 requests a second over 16 gateways costs few syncs and no waits", () => {
    const world = fleet(16, { [REQUESTS]: 1_000_000 });
    const next = random(16);
    for (let i = 0; i < 60_000; i++) {
      world.at(SETTLED + next() * 6000, () => world.call(Math.floor(next() * 16), {}));
    }
    const before = world.pushes;
    world.run(SETTLED + 8000);
    expect(world.count("admitted")).toBe(60_000);
    const waited = world.outcomes.filter(({ waitedMs }) => waitedMs > 0).length;
    expect(waited).toBeLessThan(600);
    // Records are brought as often: leases add next to nothing.
    expect(world.pushes - before).toBeLessThan(60_000 / 50);
  });
});

describe("tokens", () => {
  const TOKENS = "key:k:tokens:minute";

  test("that were reserved in vain come back, to whichever gateway waits", () => {
    const world = fleet(2, { [TOKENS]: 1000 });
    // Each may take 500, and takes 100: ten have room one after another.
    for (let i = 0; i < 10; i++) {
      world.at(SETTLED + i * 500, () => world.call(i % 2, { max_tokens: 480 }, { tokens: 99, lastsMs: 50 }));
    }
    world.run(SETTLED + 8000);
    const spent = world.gateways.map((gateway) => gateway.admission.leases);
    expect(spent).toHaveLength(2);
    expect(world.count("admitted")).toBeGreaterThanOrEqual(6);
    expect(world.control.granted(TOKENS, Math.floor(SETTLED / 60_000) * 60_000)).toBeLessThanOrEqual(1000);
  });

  test("of a call that may take more than the whole limit are refused at once, with the number", () => {
    const world = fleet(1, { [TOKENS]: 100 });
    world.call(0, { max_tokens: 200 });
    const [outcome] = world.outcomes;
    expect(outcome?.state).toBe("refused");
    expect(outcome?.operation.problem).toMatchObject({ status: 429, type: "tokens", code: "rate_limit_exceeded" });
    expect(outcome?.operation.problem?.message).toMatch(/tokens per minute, limit 100, requested 20\d/);
  });
});
