/** Whatever is lost, late, doubled or killed: never more is granted than the limit, and all of it can be had in the end. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Fleet, START } from "./fleet.ts";

const SETTLED = START + 5000;
const MINUTE = Math.floor(SETTLED / 60_000) * 60_000;

interface Call {
  gateway: number;
  at: number;
  tokens: number;
  lasts: number;
}

const calls = (most: number) =>
  fc.array(
    fc.record({
      gateway: fc.nat(3),
      at: fc.nat(3000),
      tokens: fc.integer({ min: 1, max: most }),
      lasts: fc.nat(400),
    }),
    { minLength: 1, maxLength: 60 },
  );

const fates = fc.infiniteStream(
  fc.constantFrom("arrives", "arrives", "arrives", "lost", "twice") as fc.Arbitrary<"arrives" | "lost" | "twice">,
);
const delays = fc.infiniteStream(fc.integer({ min: 1, max: 40 }));

function play(
  amounts: Record<string, number>,
  list: Call[],
  fate: () => "arrives" | "lost" | "twice",
  delay: () => number,
): Fleet {
  let settled = false;
  const world = new Fleet({
    gateways: 4,
    amounts,
    latency: () => (settled ? delay() : 1),
    fate: () => (settled ? fate() : "arrives"),
    policy: { on_control_loss: "fail_closed" },
  });
  world.run(SETTLED);
  settled = true;
  for (const { gateway, at, tokens, lasts } of list) {
    world.at(SETTLED + at, () => world.call(gateway, { max_tokens: tokens }, { tokens, lastsMs: lasts }));
  }
  return world;
}

describe("over any interleaving", () => {
  test("no more requests are admitted than the limit, whatever becomes of messages", () => {
    fc.assert(
      fc.property(calls(1), fates, delays, fc.integer({ min: 0, max: 30 }), (list, fate, delay, amount) => {
        const world = play({ "key:k:requests:minute": amount }, list, next(fate), next(delay));
        world.run(SETTLED + 6000);
        expect(world.count("admitted")).toBeLessThanOrEqual(amount);
        expect(world.control.granted("key:k:requests:minute", MINUTE)).toBeLessThanOrEqual(amount);
        expect(world.outcomes).toHaveLength(list.length);
      }),
      { numRuns: 150, seed: 11 },
    );
  });

  test("never more slots are taken at once than there are, and in the end all are free", () => {
    fc.assert(
      fc.property(calls(1), fates, delays, fc.integer({ min: 1, max: 5 }), (list, fate, delay, amount) => {
        const id = "project:x:concurrency:none";
        const world = play({ [id]: amount }, list, next(fate), next(delay));
        world.run(SETTLED + 6000);
        const changes = world.outcomes.flatMap(({ at, operation, state }) => {
          const lasts = list.find((call) => operation.startedAt === SETTLED + call.at)?.lasts ?? 0;
          return state === "admitted" ? [[at, 1] as const, [at + lasts, -1] as const] : [];
        });
        changes.sort(([a, one], [b, other]) => a - b || one - other);
        let taken = 0;
        if (new Set(list.map(({ at }) => at)).size === list.length) {
          for (const [, change] of changes) {
            taken += change;
            expect(taken).toBeLessThanOrEqual(amount);
          }
        }
        world.run(SETTLED + 16_000);
        expect(world.control.granted(id, 0)).toBe(0);
      }),
      { numRuns: 100, seed: 12 },
    );
  });

  test("what calls took of tokens stays within the limit, and all that they left can be had afterwards", () => {
    fc.assert(
      fc.property(calls(200), fates, delays, fc.integer({ min: 300, max: 2000 }), (list, fate, delay, amount) => {
        const id = "key:k:tokens:minute";
        const world = play({ [id]: amount }, list, next(fate), next(delay));
        world.run(SETTLED + 8000);
        let spent = 0;
        for (const { operation, state } of world.outcomes) {
          if (state === "admitted") spent += operation.last()?.exchange.usage.completion ?? 0;
        }
        expect(spent).toBeLessThanOrEqual(amount);
        expect(world.control.granted(id, MINUTE)).toBe(spent);
      }),
      { numRuns: 100, seed: 13 },
    );
  });
});

function next<Value>(stream: fc.Stream<Value>): () => Value {
  return () => stream.next().value as Value;
}
