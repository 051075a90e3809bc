/** Calls are found in any bytes that a connection brings, at a cost and in a memory that the bytes bound. */
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeAsKong } from "../../test/kong/msgpack.ts";
import { type Call, CallReader, LONGEST_MESSAGE, MOST_VALUES } from "../src/server/frames.ts";

/** The calls that were read, and the error that ended it, if one did. */
function read(bytes: Buffer, size = bytes.length): { calls: Call[]; error: string } {
  const reader = new CallReader();
  const calls: Call[] = [];
  try {
    for (let at = 0; at < bytes.length; at += size) {
      for (const one of reader.take(bytes.subarray(at, at + size))) calls.push(one);
    }
  } catch (error) {
    return { calls, error: (error as Error).message };
  }
  return { calls, error: "" };
}

const call = (argument: unknown) => encodeAsKong([0, 7, "plugin.Step", [argument]]);

describe("a call is read", () => {
  /** All that MessagePack has: of each head byte one value. */
  const forms = [
    ...[0, 127, -1, -32, 128, 256, 65_536, 2 ** 32, -33, -129, -32_769, -(2 ** 32), 0.5, true, false, null],
    ...["", "x".repeat(31), "x".repeat(32), "x".repeat(256), "é".repeat(40_000)],
    ...[0, 255, 256].map((length) => new Uint8Array(length)),
    ...[0, 15, 16].map((length) => new Array<number>(length).fill(1)),
    ...[0, 15, 16].map((count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]))),
    [[[[[[]]]]], { a: { b: [{}] } }],
  ];

  it.each([5, 70_000])("in whatever form its values are, in pieces of %i bytes", (size) => {
    for (const form of forms) {
      for (const bytes of [Buffer.from(encode([0, 7, "plugin.Step", [form]])), call(form)]) {
        const { calls, error } = read(Buffer.concat([bytes, bytes]), size);
        expect(error).toBe("");
        expect(calls.map(({ args }) => Buffer.from(encode(args)))).toEqual(
          [form, form].map((one) => Buffer.from(encode([one]))),
        );
      }
    }
  });
});

describe("what is no call ends the connection", () => {
  it.each([
    ["a byte that begins nothing", "c1"],
    ["a list that is no call", "920001"],
    ["an answer", "940101c0c0"],
    ["a call without a number", "9400a161a16190"],
    ["a call without a method", "9400010190"],
    ["a call without arguments", "940001a161c0"],
    ["a map with a list for a name", "940001a1619181909001"],
    ["a text of 4 GiB", "dbffffffff"],
    ["bytes of 4 GiB", "c6ffffffff"],
    ["an extension of 4 GiB", "c9ffffffff01"],
    ["a list of 4 G values", "ddffffffff"],
    ["a map of 4 G pairs", "dfffffffff"],
  ])("%s", (_, hex) => {
    const good = call("before");
    const { calls, error } = read(Buffer.concat([good, Buffer.from(hex, "hex"), good]));
    expect(calls).toHaveLength(1);
    expect(error).not.toBe("");
  });

  it("any bytes: they end in an error or wait for more, and nothing is read that is no call", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      // A call with a byte that is wrong, and one that is cut.
      fc
        .tuple(fc.json(), fc.nat(), fc.nat({ max: 255 }))
        .map(([json, at, byte]) => Uint8Array.from(call(JSON.parse(json)), (old, i) => (i === at % 40 ? byte : old))),
      fc.tuple(fc.json(), fc.nat()).map(([json, to]) => {
        const whole = call(JSON.parse(json));
        return whole.subarray(0, to % whole.length);
      }),
    );
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 9 }), (given, size) => {
        const whole = read(Buffer.from(given));
        for (const { id, method, args } of whole.calls) {
          expect([typeof id, typeof method, Array.isArray(args)]).toEqual(["number", "string", true]);
        }
        // However it is cut, the same is read of it.
        expect(read(Buffer.from(given), size)).toEqual(whole);
      }),
      { numRuns: 1000, seed: 11 },
    );
  });
});

describe("a message that never ends", () => {
  it.each([
    ["of lists in lists", Buffer.of(0x94), Buffer.alloc(4096, 0x91), MOST_VALUES],
    ["of small values in a list of lists", Buffer.from("dd00010000", "hex"), Buffer.alloc(4096, 0x92), MOST_VALUES],
    ["of many texts", Buffer.from("dc8000", "hex"), Buffer.from(`da1000${"61".repeat(4096)}`, "hex"), LONGEST_MESSAGE],
  ])("%s is cut", (_, first, piece, most) => {
    const reader = new CallReader();
    let taken = 0;
    const takeAll = () => {
      expect([...reader.take(first)]).toEqual([]);
      for (; taken < 2 * most; taken += piece.length) expect([...reader.take(piece)]).toEqual([]);
    };
    expect(takeAll).toThrow(/too long|too many/);
    expect(taken).toBeLessThan(most + 2 * piece.length);
  });
});

it("a byte at a time costs no more for a long message than for short ones", () => {
  const { length } = call("");
  const seconds = (bytes: Buffer) => {
    const before = process.cpuUsage();
    const { calls } = read(bytes, 1);
    const { user, system } = process.cpuUsage(before);
    expect(calls.length).toBeGreaterThan(0);
    return (user + system) / 1e6;
  };
  const long = call("x".repeat(100_000));
  const short = Buffer.concat(new Array<Buffer>(Math.round(long.length / length)).fill(call("")));
  seconds(short);
  // Copied anew for each piece, the long one would cost some hundred times as much.
  expect(seconds(long)).toBeLessThan(5 * seconds(short) + 0.2);
});
