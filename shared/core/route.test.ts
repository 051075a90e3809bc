import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "./random.ts";
import { clusterNames, detour, MOST_ORDERS, orderName, orders, pick, Route, RouteTarget } from "./route.ts";

type TargetSpec = [provider: string, priority: number, weight: number, credentials?: number];

function route(specs: TargetSpec[], retries: number): Route {
  return new Route(
    specs.map(
      ([provider, priority, weight, credentials]) =>
        new RouteTarget(provider, `${provider}-model`, priority, weight, credentials),
    ),
    retries,
  );
}

/** Orders by the letters of their providers. */
function spelled(of: Route): string[] {
  return orders(of).map((order) => order.map((index) => of.targets[index]!.provider).join(""));
}

const routes = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.constantFrom("a", "b", "c"),
        fc.integer({ min: 0, max: 3 }),
        fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 10_000 })),
      ),
      { maxLength: 14 },
    ),
    fc.integer({ min: 0, max: 15 }),
  )
  .map(([specs, retries]) => route(specs, retries));

describe("orders", () => {
  it("tries priorities from the lowest, as configured within one", () => {
    const specs: TargetSpec[] = [
      ["a", 5, 1],
      ["b", -1, 1],
      ["c", 0, 1],
    ];
    expect(spelled(route(specs, 9))).toEqual(["bca"]);
  });

  it("lets each target of a priority come first, the others following around", () => {
    const specs: TargetSpec[] = [
      ["a", 0, 1],
      ["b", 0, 9],
      ["c", 0, 1],
    ];
    expect(spelled(route(specs, 2))).toEqual(["abc", "bca", "cab"]);
  });

  it("combines the choices of all priorities", () => {
    const specs: TargetSpec[] = [
      ["a", 0, 1],
      ["c", 1, 1],
      ["b", 0, 1],
      ["d", 1, 1],
    ];
    expect(spelled(route(specs, 9))).toEqual(["abcd", "abdc", "bacd", "badc"]);
  });

  it("cuts to the attempts allowed, without saying an order twice", () => {
    const specs: TargetSpec[] = [
      ["a", 0, 1],
      ["b", 0, 1],
      ["c", 1, 1],
      ["d", 1, 1],
    ];
    expect(spelled(route(specs, 0))).toEqual(["a", "b"]);
    expect(spelled(route(specs, 1))).toEqual(["ab", "ba"]);
    expect(spelled(route(specs, 2))).toEqual(["abc", "abd", "bac", "bad"]);
  });

  it("never puts a target of weight 0 first, unless none has more", () => {
    const standby: TargetSpec[] = [
      ["a", 0, 0],
      ["b", 0, 1],
      ["c", 0, 1],
    ];
    expect(spelled(route(standby, 2))).toEqual(["bca", "cab"]);
    const even: TargetSpec[] = [
      ["a", 0, 0],
      ["b", 0, 0],
    ];
    expect(spelled(route(even, 2))).toEqual(["ab", "ba"]);
  });

  it("varies the foremost priorities only where all would be too many", () => {
    const specs = [0, 1, 2].flatMap((priority) => "abcdefgh".split("").map((name): TargetSpec => [name, priority, 1]));
    const found = orders(route(specs, 99));
    expect(found).toHaveLength(64);
    expect(new Set(found.map((order) => order[0])).size).toBe(8);
    expect(new Set(found.map((order) => order[8])).size).toBe(8);
    expect(new Set(found.map((order) => order.slice(16).join())).size).toBe(1);
  });

  it("varies no priority behind the first that does not", () => {
    const specs: TargetSpec[] = [
      ..."abcdefghij".split("").map((name): TargetSpec => [name, 0, 1]),
      ..."abcdefg".split("").map((name): TargetSpec => [name, 1, name === "a" ? 0 : 1]),
      ["x", 2, 1],
      ["y", 2, 1],
    ];
    const found = orders(route(specs.slice(0, 16), 99));
    expect(found).toHaveLength(50);
    const more: TargetSpec[] = [...specs, ["h", 1, 1]];
    const tooMany = spelled(route(more, 99));
    expect(tooMany).toHaveLength(10);
    // The standby of a fixed priority still does not come first.
    expect(tooMany[0]).toBe("abcdefghijbcdefghaxy");
  });

  it("are none without targets", () => {
    expect(orders(route([], 3))).toEqual([]);
    expect(pick(route([], 3), new Random(1))).toEqual([]);
  });
});

describe("a pool of credentials", () => {
  it("lets a retry go to its provider again, after all other targets, once for each", () => {
    expect(spelled(route([["a", 0, 1, 3]], 9))).toEqual(["aaa"]);
    expect(spelled(route([["a", 0, 1, 3]], 1))).toEqual(["aa"]);
    expect(spelled(route([["a", 0, 1, 0]], 9))).toEqual(["a"]);
    const two: TargetSpec[] = [
      ["a", 0, 1, 2],
      ["b", 1, 1, 3],
    ];
    expect(spelled(route(two, 1))[0]).toBe("ab");
    expect(spelled(route(two, 2))[0]).toBe("aba");
    expect(spelled(route(two, 9))[0]).toBe("ababb");
  });

  it("may be passed over at first, and is then tried last", () => {
    const specs: TargetSpec[] = [
      ["a", 0, 1, 2],
      ["b", 1, 1, 2],
      ["c", 2, 1],
    ];
    const any = route(specs, 2);
    expect(spelled(any)).toEqual(["abc", "bca", "cab"]);
    const [drawn, ...rest] = orders(any);
    expect([0, 1, 2].map((place) => detour(any, drawn!, place))).toEqual([drawn, ...rest]);
    expect(pick(any, new Random(1))).toBe(drawn);
  });

  it("is no reason to pass over a target that has no other credential", () => {
    const specs: TargetSpec[] = [
      ["a", 0, 1],
      ["b", 1, 1, 2],
    ];
    const any = route(specs, 1);
    expect(spelled(any)).toEqual(["ab"]);
    expect(detour(any, orders(any)[0]!, 1)).toBe(orders(any)[0]);
  });

  it("takes the order that there is already", () => {
    const specs: TargetSpec[] = [
      ["a", 0, 1, 2],
      ["b", 0, 1, 2],
    ];
    expect(spelled(route(specs, 1))).toEqual(["ab", "ba"]);
  });

  it("adds no order beyond the bound", () => {
    const specs = [0, 1].flatMap((priority) => "abcdefg".split("").map((name): TargetSpec => [name, priority, 1, 2]));
    const found = orders(route(specs, 20));
    expect(found).toHaveLength(64);
    expect(new Set(found.map(String)).size).toBe(64);
  });
});

it("holds its promises for any route", () => {
  fc.assert(
    fc.property(routes, fc.integer(), (any, seed) => {
      const { targets, retries } = any;
      const found = orders(any);
      expect(found.length).toBeLessThanOrEqual(MOST_ORDERS);
      expect(new Set(found.map(String)).size).toBe(found.length);
      for (const order of found) {
        expect(order).toHaveLength(Math.min(1 + retries, targets.length));
        expect(new Set(order).size).toBe(order.length);
        const priorities = order.map((index) => targets[index]!.priority);
        expect(priorities).toEqual([...priorities].sort((a, b) => a - b));
        for (const [place, index] of order.entries()) {
          const group = targets.filter((target) => target.priority === priorities[place]);
          const leads = place === 0 || priorities[place - 1] !== priorities[place];
          if (leads && group.some((target) => target.weight > 0)) expect(targets[index]!.weight).toBeGreaterThan(0);
        }
      }
      const random = new Random(seed);
      const known = new Set(found.map(String));
      for (let i = 0; i < 20 && targets.length > 0; i++) expect(known).toContain(String(pick(any, random)));
    }),
  );
});

describe("pick", () => {
  function shares(of: Route, place: number): Map<string, number> {
    const random = new Random(4711);
    const counts = new Map<string, number>();
    for (let i = 0; i < 40_000; i++) {
      const { provider } = of.targets[pick(of, random)[place]!]!;
      counts.set(provider, (counts.get(provider) ?? 0) + 1 / 40_000);
    }
    return counts;
  }

  it("puts each target first as often as its weight says", () => {
    const specs: TargetSpec[] = [
      ["a", 0, 1],
      ["b", 0, 0],
      ["c", 0, 3],
      ["d", 0, 4],
    ];
    const counts = shares(route(specs, 3), 0);
    expect(counts.get("a")).toBeCloseTo(1 / 8, 2);
    expect(counts.has("b")).toBe(false);
    expect(counts.get("c")).toBeCloseTo(3 / 8, 1);
    expect(counts.get("d")).toBeCloseTo(4 / 8, 1);
  });

  it("chooses in every priority by that priority's weights", () => {
    const specs: TargetSpec[] = [
      ["a", 0, 1],
      ["b", 0, 1],
      ["c", 1, 1],
      ["d", 1, 9],
    ];
    const counts = shares(route(specs, 3), 2);
    expect(counts.get("c")).toBeCloseTo(0.1, 2);
    expect(counts.get("d")).toBeCloseTo(0.9, 2);
  });

  it("gives equal shares where no target has a weight", () => {
    const specs: TargetSpec[] = [
      ["a", 0, 0],
      ["b", 0, 0],
    ];
    expect(shares(route(specs, 0), 0).get("a")).toBeCloseTo(0.5, 1);
  });

  it("reaches every order", () => {
    const specs: TargetSpec[] = "abcd".split("").flatMap((name): TargetSpec[] => [
      [name, 0, 1],
      [name, 1, 1],
    ]);
    const any = route(specs, 9);
    const random = new Random(3);
    const seen = new Set(Array.from({ length: 2000 }, () => String(pick(any, random))));
    expect(seen.size).toBe(orders(any).length);
  });
});

describe("cluster names", () => {
  it("list the providers of the order", () => {
    const any = route(
      [
        ["claude", 0, 1],
        ["backup", 1, 1],
      ],
      1,
    );
    expect(orderName(any, [0, 1])).toBe("oneapi-order:claude>backup");
    expect(orderName(any, [1])).toBe("oneapi-order:backup");
    expect(clusterNames(any, [0, 1])).toEqual(["oneapi-provider:claude", "oneapi-provider:backup"]);
  });

  it("number a provider that occurs again", () => {
    const any = route(
      [
        ["a", 0, 1],
        ["b", 0, 1],
        ["a", 0, 1],
        ["a", 0, 1],
      ],
      3,
    );
    expect(orderName(any, [0, 1, 2, 3])).toBe("oneapi-order:a>b>a>a");
    expect(clusterNames(any, [0, 1, 2, 3])).toEqual([
      "oneapi-provider:a",
      "oneapi-provider:b",
      "oneapi-provider:a~2",
      "oneapi-provider:a~3",
    ]);
  });
});
