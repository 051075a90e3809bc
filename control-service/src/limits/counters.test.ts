import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Entry, SilentHolder } from "./counters.ts";
import { claimOf, countersKinds, entry, grantOf, grants, NOW, type TestCounters } from "./testing.ts";

const COUNTER = "project:search:requests:minute";
const PLACE = { counter: COUNTER, window: NOW - 30_000 };
const BALANCE = { counter: "project:search:spend:none", window: 0, endsAt: null, balance: true, lasting: true };

describe.each(countersKinds)("counters $name", (kind) => {
  let made: TestCounters;

  beforeAll(async () => {
    if (kind.skip === null) await kind.prepare();
  });
  afterAll(async () => {
    if (kind.skip === null) await kind.finish();
  });
  beforeEach(async (context) => {
    if (kind.skip !== null) return context.skip(kind.skip);
    made = await kind.make();
  });
  afterEach(() => made?.close());

  const claim = (holder: string, sequence: number, change: Partial<Entry>, now = NOW) =>
    grantOf(made.counters, claimOf(sequence, change, { holder, now }));
  const sum = async (place = PLACE) => (await made.counters.read([place]))[0];
  /** Notes over Redis take a moment. */
  const noted = (holders: string[]) =>
    expect.poll(() => made.notes.map(({ holder }) => holder).toSorted(), { timeout: 5000 }).toEqual(holders);

  it("grants what is kept besides while the limit is far, at most half of a share of what is free", async () => {
    expect(await claim("a", 1, { need: 1, keep: 10 })).toEqual({ granted: 11, left: 89, edge: false, final: false });
    expect(await claim("a", 2, { spent: 1, keep: 90 })).toMatchObject({ granted: 11 + 44, left: 45 });
    // Two holders are alive now: a quarter of the free 45.
    expect(await claim("b", 1, { keep: 90 })).toMatchObject({ granted: 11, left: 34 });
  });

  it("grants what is needed even beyond that share, as far as there is any", async () => {
    expect(await claim("a", 1, { need: 70, keep: 90 })).toMatchObject({ granted: 70, edge: false });
    expect(await claim("b", 1, { need: 31 })).toEqual({ granted: 30, left: 0, edge: false, final: false });
  });

  it("grants only what is needed near the limit", async () => {
    expect(await claim("a", 1, { need: 80 })).toMatchObject({ granted: 80, left: 20 });
    expect(await claim("b", 1, { need: 1, keep: 10 })).toEqual({ granted: 1, left: 19, edge: true, final: false });
  });

  it("takes back what is claimed no more, and keeps what is used", async () => {
    await claim("a", 1, { need: 5, keep: 20 });
    expect(await claim("a", 2, { spent: 3, reserved: 2, keep: 1 })).toMatchObject({ granted: 6, left: 94 });
    expect(await claim("a", 3, { spent: 5 })).toMatchObject({ granted: 5, left: 95 });
    expect(await sum()).toEqual({ granted: 5, spent: 5, reserved: 0 });
  });

  it("counts what was used beyond the grant", async () => {
    await claim("a", 1, { need: 60 });
    expect(await claim("a", 2, { spent: 130 })).toMatchObject({ granted: 130, left: 0, edge: true });
    expect(await claim("b", 1, { need: 1 })).toMatchObject({ granted: 0, final: true });
  });

  it("admits nothing of an amount of 0, for good", async () => {
    expect(await claim("a", 1, { amount: 0, need: 1 })).toEqual({ granted: 0, left: 0, edge: true, final: true });
  });

  it("asks holders of idle units for them, and says when nobody has any", async () => {
    await claim("a", 1, { need: 90 });
    expect(await claim("b", 1, { need: 20 })).toEqual({ granted: 10, left: 0, edge: true, final: false });
    await noted(["a"]);
    // All of them are used: none will come back.
    await claim("a", 2, { spent: 80, reserved: 10 });
    expect(await claim("b", 2, { reserved: 10, need: 10 })).toMatchObject({ granted: 10, final: true });
  });

  it("waits for reservations that are larger than what is used in the end", async () => {
    const tokens = { refundable: true };
    await claim("a", 1, { ...tokens, reserved: 100 });
    expect(await claim("b", 1, { ...tokens, need: 1 })).toMatchObject({ granted: 0, final: false });
    await claim("a", 2, { ...tokens, spent: 100 });
    expect(await claim("b", 2, { ...tokens, need: 1 })).toMatchObject({ granted: 0, final: true });
  });

  it("tells who waits that units came free", async () => {
    await claim("a", 1, { need: 100 });
    await claim("b", 1, { need: 1 });
    await noted(["a"]);
    await claim("a", 2, { spent: 50 });
    await noted(["a", "b"]);
    expect(await claim("b", 2, { need: 1 })).toMatchObject({ granted: 1 });
    // It waits no longer.
    await claim("a", 3, { spent: 10 });
    await noted(["a", "b"]);
  });

  it("does nothing for a message that came before, and tells it the present state", async () => {
    await claim("a", 1, { need: 10 });
    await claim("a", 3, { spent: 10, need: 30 });
    const before = await sum();
    for (const late of [1, 2, 3]) {
      const outcome = await made.counters.claim(claimOf(late, { need: 10 }));
      expect(outcome).toEqual({
        kind: "granted",
        sequence: 3,
        grants: [{ granted: 40, left: 60, edge: false, final: false }],
      });
    }
    expect(await sum()).toEqual(before);
    // It is told for good when there is nothing to wait for.
    expect(await claim("b", 1, { need: 61 })).toMatchObject({ granted: 60 });
    await claim("a", 4, { spent: 40 });
    expect(await claim("b", 1, { need: 61 })).toMatchObject({ granted: 60, final: true });
  });

  it("does a batch with several counters, each by itself", async () => {
    const entries = [
      entry({ need: 1, keep: 4 }),
      entry({ counter: "key:k:tokens:minute", amount: 1000, refundable: true, need: 500 }),
      entry({ counter: "provider:p:concurrency:none", window: 0, endsAt: null, amount: 2, need: 3 }),
    ];
    expect(await grants(made.counters, { holder: "a", sequence: 1, now: NOW, entries })).toEqual([
      { granted: 5, left: 95, edge: false, final: false },
      { granted: 500, left: 500, edge: false, final: false },
      { granted: 2, left: 0, edge: false, final: true },
    ]);
    expect(await made.counters.size()).toBeGreaterThanOrEqual(3);
  });

  it("grants nothing anew in a window that is over, and settles it", async () => {
    await claim("a", 1, { need: 10 });
    const over = { current: false };
    expect(await claim("a", 2, { ...over, spent: 4, reserved: 3, need: 50 })).toMatchObject({ granted: 10 });
    expect(await claim("a", 3, { ...over, spent: 6 })).toMatchObject({ granted: 6 });
    expect(await claim("b", 1, { ...over, window: 60_000, endsAt: 120_000, spent: 2, need: 5 })).toMatchObject({
      granted: 2,
    });
    expect(await sum({ counter: COUNTER, window: 60_000 })).toBeNull();
    // The next window begins at nothing.
    const next = { window: PLACE.window + 60_000, endsAt: NOW + 90_000 };
    expect(await claim("a", 4, { ...next, need: 1 })).toMatchObject({ granted: 1, left: 99 });
  });

  it("follows an amount that is lowered and raised", async () => {
    await claim("a", 1, { need: 40, keep: 10 });
    expect(await claim("a", 2, { spent: 40, keep: 10, need: 5, amount: 40 })).toMatchObject({
      granted: 50,
      left: 0,
      edge: true,
    });
    expect(await claim("b", 1, { need: 1, amount: 40 })).toMatchObject({ granted: 0, left: 0, final: false });
    expect(await claim("b", 2, { need: 1, amount: 1000 })).toMatchObject({ granted: 1, left: 949 });
  });

  it("announces to who has idle units or waits", async () => {
    await claim("a", 1, { need: 100 });
    await claim("b", 1, { need: 1 });
    await claim("c", 1, {});
    await noted(["a"]);
    await made.counters.announce([PLACE, { counter: "key:unknown:requests:minute", window: 0 }]);
    await noted(["a", "a", "b"]);
  });

  it("opens a balance before it grants of it", async () => {
    const outcome = await made.counters.claim(claimOf(1, { ...BALANCE, need: 10 }));
    expect(outcome).toEqual({ kind: "missing", balances: [BALANCE.counter] });
    await made.counters.open(BALANCE.counter, new Map([["", 95]]));
    await made.counters.open(BALANCE.counter, new Map([["", 1]]));
    expect(await claim("a", 1, { ...BALANCE, need: 10 })).toEqual({ granted: 5, left: 0, edge: true, final: true });
    expect(await sum(BALANCE)).toEqual({ granted: 100, spent: 95, reserved: 0 });
  });

  it("counts once what a holder reports again of a balance", async () => {
    await made.counters.open(
      BALANCE.counter,
      new Map([
        ["", 10],
        ["a", 20],
        ["b", 30],
      ]),
    );
    expect(await sum(BALANCE)).toEqual({ granted: 60, spent: 60, reserved: 0 });
    expect(await claim("a", 1, { ...BALANCE, spent: 25, need: 5 })).toMatchObject({ granted: 30, left: 30 });
    expect(await claim("b", 1, { ...BALANCE, spent: 30, need: 50 })).toMatchObject({ granted: 60, left: 0 });
  });

  it("keeps units beyond 2^46 exact", async () => {
    const amount = 9_000_000_000_000_001;
    await made.counters.open(BALANCE.counter, new Map([["", 0]]));
    const exact = { ...BALANCE, amount, refundable: true };
    expect(await claim("a", 1, { ...exact, need: amount })).toMatchObject({ granted: amount, left: 0 });
    expect(await claim("a", 2, { ...exact, spent: amount - 1 })).toMatchObject({ granted: amount - 1, left: 1 });
    await made.restart();
    expect(await sum(BALANCE)).toEqual({ granted: amount - 1, spent: amount - 1, reserved: 0 });
  });

  it("finds who is silent, and shrinks what it had", async () => {
    const concurrency = { counter: "key:k:concurrency:none", window: 0, endsAt: null, amount: 4, lasting: true };
    await made.counters.open(BALANCE.counter, new Map([["", 0]]));
    await made.counters.claim(
      claimOf(1, {}, { entries: [entry({ ...BALANCE, spent: 7, need: 20 }), entry({ ...concurrency, reserved: 4 })] }),
    );
    await claim("b", 1, { ...concurrency, need: 1 }, NOW + 5000);
    expect(await made.counters.silent(NOW)).toEqual([]);
    const silent = (await made.counters.silent(NOW + 1)) as [SilentHolder];
    expect(silent[0]).toEqual({
      holder: "a",
      heardAt: NOW,
      shares: expect.arrayContaining([
        { counter: BALANCE.counter, window: 0, granted: 27, spent: 7, reserved: 0 },
        { counter: concurrency.counter, window: 0, granted: 4, spent: 0, reserved: 4 },
      ]),
    });
    const shares = silent[0].shares.map((share) =>
      share.counter === BALANCE.counter
        ? { ...share, granted: 9, spent: 9, reserved: 0 }
        : { ...share, granted: 0, spent: 0, reserved: 0 },
    );
    expect(await made.counters.bury("a", NOW - 1, shares, NOW + 6000)).toBe(false);
    expect(await made.counters.bury("a", NOW, shares, NOW + 6000)).toBe(true);
    expect(await made.counters.bury("a", NOW, shares, NOW + 6000)).toBe(false);
    await noted(["b"]);
    expect(await made.counters.silent(NOW + 1)).toEqual([]);
    expect(await sum(BALANCE)).toEqual({ granted: 9, spent: 9, reserved: 0 });
    expect(await claim("b", 2, { ...concurrency, need: 1 }, NOW + 6000)).toMatchObject({ granted: 1, left: 3 });
    // It speaks again and goes on with what it had used.
    expect(await claim("a", 2, { ...BALANCE, spent: 9, need: 1 }, NOW + 7000)).toMatchObject({ granted: 10 });
  });

  it("adds up who is gone for long, unless it came back", async () => {
    await made.counters.open(BALANCE.counter, new Map([["", 1]]));
    for (const holder of ["a", "b", "c"]) await claim(holder, 1, { ...BALANCE, spent: 5 });
    for (const { holder, heardAt, shares } of await made.counters.silent(NOW + 1)) {
      expect(await made.counters.bury(holder, heardAt, shares, NOW + 10)).toBe(true);
    }
    await claim("c", 2, { ...BALANCE, spent: 6 }, NOW + 20);
    await made.counters.forget(NOW + 10);
    await made.counters.forget(NOW + 11);
    expect(await sum(BALANCE)).toEqual({ granted: 17, spent: 17, reserved: 0 });
    expect(await claim("c", 3, { ...BALANCE, spent: 6, need: 1 }, NOW + 20)).toMatchObject({ granted: 7 });
    // Whoever is forgotten counts anew: what it has used counts twice, never less than once.
    expect(await claim("a", 2, { ...BALANCE, spent: 5 }, NOW + 20)).toMatchObject({ granted: 5, left: 100 - 23 });
  });

  it("goes on after a restart", async () => {
    await claim("a", 1, { need: 10, keep: 5 });
    await claim("b", 5, { need: 70 });
    await made.restart();
    expect(await sum()).toEqual({ granted: 85, spent: 0, reserved: 0 });
    expect(await claim("b", 5, { need: 1 })).toMatchObject({ granted: 70 });
    expect(await claim("c", 1, { need: 20 })).toMatchObject({ granted: 15, final: false });
    expect(await claim("a", 2, { spent: 3 })).toMatchObject({ granted: 3, left: 12 });
  });

  it("lets go of windows that are over", async () => {
    await claim("a", 1, { need: 10, lasting: true });
    await made.counters.open(BALANCE.counter, new Map([["", 3]]));
    await made.counters.sweep(NOW + 30_001);
    await made.restart();
    expect(await sum(BALANCE)).toEqual({ granted: 3, spent: 3, reserved: 0 });
    expect((await made.counters.silent(NOW + 86_400_000_000))[0]?.shares ?? []).toEqual([]);
  });
});
