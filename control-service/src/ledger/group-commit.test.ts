import { describe, expect, it } from "vitest";
import { GroupCommit } from "./group-commit.ts";

/** Numbers are "stored" together; each is its own size, and a negative one spoils its group. */
function setUp(parallel: number) {
  const groups: number[][] = [];
  const waiting: (() => void)[] = [];
  const commit = new GroupCommit<number, string>({
    work: async (items) => {
      groups.push([...items]);
      await new Promise<void>((resolve) => waiting.push(resolve));
      if (items.some((item) => item < 0)) throw new RangeError("spoilt");
      if (items.includes(0)) throw new Error("the database is gone");
      return items.map((item) => `stored ${item}`);
    },
    parallel,
    sizeOf: Math.abs,
    largest: 10,
    isSpoilt: (error) => error instanceof RangeError,
  });
  const finish = async () => {
    for (const resolve of waiting.splice(0)) resolve();
    for (let turn = 0; turn < 10; turn++) await null;
  };
  return { commit, groups, finish };
}

describe("a group commit", () => {
  it("begins at once while it may, and does together what has come meanwhile", async () => {
    const { commit, groups, finish } = setUp(2);
    const results = Promise.all([1, 2, 3, 4, 5].map((item) => commit.do(item)));
    expect(groups).toEqual([[1], [2]]);
    await finish();
    // A group is no larger than it may be.
    expect(groups.slice(2)).toEqual([[3, 4], [5]]);
    await finish();
    expect(await results).toEqual(["stored 1", "stored 2", "stored 3", "stored 4", "stored 5"]);
  });

  it("does one item that is larger than a group by itself", async () => {
    const { commit, groups, finish } = setUp(1);
    const results = Promise.all([1, 50, 2].map((item) => commit.do(item)));
    for (let go = 0; go < 3; go++) await finish();
    expect(groups).toEqual([[1], [50], [2]]);
    await results;
  });

  it("lets nobody suffer for what another item is", async () => {
    const { commit, finish } = setUp(1);
    const results = Promise.allSettled([1, 2, -3, 4].map((item) => commit.do(item)));
    for (let go = 0; go < 5; go++) await finish();
    expect((await results).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  });

  it("tells all of a group when the work itself cannot be done, and goes on with the next", async () => {
    const { commit, groups, finish } = setUp(1);
    const results = Promise.allSettled([1, 2, 0].map((item) => commit.do(item)));
    await finish();
    await finish();
    expect((await results).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    const next = commit.do(7);
    await finish();
    expect(await next).toBe("stored 7");
    expect(groups).toEqual([[1], [2, 0], [7]]);
  });
});
