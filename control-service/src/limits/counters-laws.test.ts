import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Claim, Outcome } from "./counters.ts";
import { countersKinds, entry, NOW, type TestCounters } from "./testing.ts";

const HOLDERS = ["a", "b", "c"];
const units = fc.nat({ max: 40 });
const tick = fc.nat({ max: 3 });

/** What a gateway, the network or the time may do next. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ act: fc.constant("report" as const), who: tick, need: units, keep: units }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant("use" as const), who: tick, units }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant("settle" as const), who: tick, used: units }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant("repeat" as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("lose" as const), who: tick }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("turn" as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("change" as const), amount: fc.nat({ max: 200 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** What a gateway holds of the counter: it never uses more than it may. */
interface Gateway {
  sequence: number;
  granted: number;
  spent: number;
  reserved: number;
}

const LENGTH = 60_000;

/**
 * Lets gateways live through the steps, each keeping the rules of leases, and checks after every one that what they may
 * use together is never raised beyond the amount.
 */
async function live({ counters }: TestCounters, steps: readonly Step[]): Promise<Outcome[]> {
  const gateways = new Map<string, Gateway>();
  const sent: Claim[] = [];
  const outcomes: Outcome[] = [];
  let amount = 100;
  let window = 0;
  let now = NOW;
  const gateway = (who: number) => {
    const name = HOLDERS[who % HOLDERS.length] as string;
    const found = gateways.get(name) ?? { sequence: 0, granted: 0, spent: 0, reserved: 0 };
    gateways.set(name, found);
    return { name, found };
  };
  const place = () => ({ counter: entry().counter, window: NOW + window * LENGTH });
  const granted = async () => (await counters.read([place()]))[0]?.granted ?? 0;

  for (const next of steps) {
    const before = await granted();
    if (next.act === "report") {
      const { name, found } = gateway(next.who);
      const { spent, reserved } = found;
      const claim: Claim = {
        holder: name,
        sequence: ++found.sequence,
        now,
        entries: [
          entry({
            window: place().window,
            endsAt: place().window + LENGTH,
            amount,
            lasting: true,
            spent,
            reserved,
            need: next.need,
            keep: next.keep,
          }),
        ],
      };
      sent.push(claim);
      const outcome = await counters.claim(claim);
      outcomes.push(outcome);
      if (outcome.kind === "missing") throw new Error("nothing is missing");
      const grant = outcome.grants[0] as (typeof outcome.grants)[0];
      const claimed = spent + reserved + next.need + next.keep;
      expect(grant.granted).toBeGreaterThanOrEqual(Math.min(found.granted, claimed));
      expect(grant.granted).toBeLessThanOrEqual(Math.max(claimed, spent + reserved));
      expect(grant.left).toBe(Math.max(0, amount - (await granted())));
      found.granted = grant.granted;
    } else if (next.act === "use") {
      const { found } = gateway(next.who);
      found.reserved += Math.min(next.units, found.granted - found.spent - found.reserved);
    } else if (next.act === "settle") {
      const { found } = gateway(next.who);
      found.spent += Math.min(next.used, found.reserved);
      found.reserved = 0;
    } else if (next.act === "repeat" && sent.length > 0) {
      // Delivered again, or late: of the window that is current now it says nothing new.
      outcomes.push(await counters.claim({ ...(sent[next.which % sent.length] as Claim), now }));
      expect(await granted()).toBe(before);
    } else if (next.act === "lose") {
      const { name } = gateway(next.who);
      now += 1;
      for (const silent of await counters.silent(now)) {
        if (silent.holder !== name) continue;
        const shares = silent.shares.map((share) => ({ ...share, spent: share.granted, reserved: 0 }));
        await counters.bury(name, silent.heardAt, shares, now);
      }
      expect(await granted()).toBe(before);
    } else if (next.act === "turn") {
      window += 1;
      for (const found of gateways.values()) Object.assign(found, { granted: 0, spent: 0, reserved: 0 });
    } else if (next.act === "change") amount = next.amount;

    if (next.act === "turn") continue;
    const after = await granted();
    // What was granted under a larger amount stays with who has it; nothing is added to it.
    expect(after).toBeLessThanOrEqual(Math.max(amount, before));
    const held = [...gateways.values()].reduce((sum, found) => sum + found.granted, 0);
    expect(after).toBe(held);
  }
  return outcomes;
}

describe.each(countersKinds)("the law of counters $name", (kind) => {
  beforeAll(async () => {
    if (kind.skip === null) await kind.prepare();
  });
  afterAll(async () => {
    if (kind.skip === null) await kind.finish();
  });

  it("never grants more than the amount, and takes every return whole", async (context) => {
    if (kind.skip !== null) return context.skip(kind.skip);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const made = await kind.make();
        try {
          await live(made, steps);
        } finally {
          await made.close();
        }
      }),
      { seed: 20260101, numRuns: 40 },
    );
  });

  it("never grants more than the amount to claims that meet", async (context) => {
    if (kind.skip !== null) return context.skip(kind.skip);
    const made = await kind.make();
    const holders = Array.from({ length: 20 }, (_, index) => `holder-${index}`);
    const claims = holders.flatMap((holder) =>
      [1, 2, 3].map((sequence) => ({ holder, sequence, now: NOW, entries: [entry({ need: 3 * sequence, keep: 4 })] })),
    );
    await Promise.all(claims.map((claim) => made.counters.claim(claim)));
    const [usage] = await made.counters.read([{ counter: entry().counter, window: entry().window }]);
    expect(usage).toEqual({ granted: 100, spent: 0, reserved: 0 });
    await Promise.all(
      holders.map((holder) => made.counters.claim({ holder, sequence: 4, now: NOW, entries: [entry()] })),
    );
    expect(await made.counters.read([{ counter: entry().counter, window: entry().window }])).not.toEqual([usage]);
    const [returned] = await made.counters.read([{ counter: entry().counter, window: entry().window }]);
    expect(returned?.granted ?? 0).toBe(0);
    await made.close();
  });
});

const [reference, ...others] = countersKinds.filter(({ skip }) => skip === null);

describe.skipIf(others.length === 0)("all counters", () => {
  beforeAll(async () => {
    for (const kind of [reference, ...others]) await kind?.prepare();
  });
  afterAll(async () => {
    for (const kind of [reference, ...others]) await kind?.finish();
  });

  it("answer the same", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const answers = [];
        for (const kind of [reference, ...others]) {
          const made = (await kind?.make()) as TestCounters;
          answers.push(await live(made, steps));
          await made.close();
        }
        for (const answer of answers) expect(answer).toEqual(answers[0]);
      }),
      { seed: 20260102, numRuns: 15 },
    );
  });
});
