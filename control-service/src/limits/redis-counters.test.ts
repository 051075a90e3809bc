import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../testing.ts";
import type { Note } from "./counters.ts";
import { redisMissing, TestRedis } from "./redis/testing.ts";
import { RedisCounters } from "./redis-counters.ts";
import { claimOf, entry, grantOf, NOW } from "./testing.ts";

const servers = [
  ["one server", () => TestRedis.single()],
  ["a cluster", () => TestRedis.cluster()],
] as const;

describe.each(servers)(
  `counters on %s of Redis${redisMissing ? ` (skipped: ${redisMissing})` : ""}`,
  (name, launch) => {
    let redis: TestRedis;
    let counters: RedisCounters;
    let failures = 0;
    const notes: Note[] = [];
    const open = () =>
      RedisCounters.open({
        url: redis.url,
        logger: silentLogger,
        notify: (more) => notes.push(...more),
        failed: () => failures++,
      });

    beforeAll(async () => {
      if (redisMissing === null) redis = await launch();
    });
    afterAll(() => redis?.close());
    beforeEach(async (context) => {
      if (redisMissing !== null) return context.skip(redisMissing);
      await redis.ask("FLUSHALL");
      notes.length = 0;
      failures = 0;
      counters = await open();
    });
    afterEach(() => counters?.close());

    /** Rejections come in time, whatever is wrong. */
    const rejectsSoon = async (sequence: number) => {
      const start = performance.now();
      await expect(counters.claim(claimOf(sequence, { need: 1 }))).rejects.toThrow();
      expect(performance.now() - start).toBeLessThan(1500);
    };

    it("shares limits and notes with other instances", async () => {
      const other = await open();
      await grantOf(counters, claimOf(1, { need: 90 }));
      expect(await grantOf(other, claimOf(1, { need: 20 }, { holder: "b" }))).toMatchObject({ granted: 10 });
      // Both instances hear of it: the gateway may poll either.
      await expect
        .poll(() => notes, { timeout: 5000 })
        .toEqual(Array(2).fill({ holder: "a", counter: entry().counter }));
      await other.close();
    });

    it("sends its scripts again to a server that has forgotten them", async () => {
      await grantOf(counters, claimOf(1, { need: 1 }));
      await redis.ask("SCRIPT", "FLUSH");
      expect(await grantOf(counters, claimOf(2, { spent: 1, need: 1 }))).toMatchObject({ granted: 2 });
      expect(failures).toBe(0);
    });

    it("keeps all its keys in one slot, and lets windows go after their end", async () => {
      const lasting = { counter: "key:{k}:requests:hour", lasting: true, need: 1 };
      await counters.claim(claimOf(1, {}, { entries: [entry({ need: 1 }), entry(lasting)] }));
      const keys = (await redis.ask("KEYS", "*")).map((found) => found as string[]);
      expect(keys.filter((found) => found.length > 0)).toHaveLength(1);
      const times = await Promise.all(
        keys.flat().flatMap((key) => (key.includes(":counter:") ? [redis.ask("PTTL", key).catch(() => [])] : [])),
      );
      if (name === "one server") {
        expect(times).toHaveLength(2);
        for (const [left] of times) {
          expect(left).toBeGreaterThan(80_000);
          expect(left).toBeLessThanOrEqual(30_000 + 60_000);
        }
      }
    });

    it("says soon that a server hangs, and goes on when it is back", async () => {
      await grantOf(counters, claimOf(1, { need: 5 }));
      redis.freeze(true);
      try {
        await rejectsSoon(2);
      } finally {
        redis.freeze(false);
      }
      expect(failures).toBeGreaterThan(0);
      await expect
        .poll(() => grantOf(counters, claimOf(3, { need: 5 })).catch(() => null), { timeout: 15_000 })
        .toMatchObject({ granted: 5 });
    });

    it("says soon that a server is gone, and finds what it knew once it is back", async () => {
      await grantOf(counters, claimOf(1, { need: 60 }));
      // An append-only file of the cluster is written once a second.
      if (name === "a cluster") await sleep(2000);
      await redis.kill();
      await rejectsSoon(2);
      await rejectsSoon(2);
      await redis.start();
      await expect
        .poll(() => grantOf(counters, claimOf(1, { need: 50 }, { holder: "b" })).catch(() => null), { timeout: 20_000 })
        .toMatchObject({ granted: 40 });
      // Notes come again too.
      await expect
        .poll(
          async () => {
            await counters.announce([{ counter: entry().counter, window: NOW - 30_000 }]).catch(() => {});
            return notes.map(({ holder }) => holder);
          },
          { timeout: 20_000 },
        )
        .toContain("a");
    });

    it("begins without a server, and connects once there is one", async () => {
      await counters.close();
      await redis.kill();
      counters = await open();
      await rejectsSoon(1);
      await redis.start();
      await expect
        .poll(() => grantOf(counters, claimOf(1, { need: 1 })).catch(() => null), { timeout: 20_000 })
        .not.toBeNull();
    });
  },
);
