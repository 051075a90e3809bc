import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteWriter } from "./byte-writer.ts";

const decoder = new TextDecoder();

function written(write: (out: ByteWriter) => void, capacity = 0): string {
  const out = new ByteWriter(capacity);
  write(out);
  return decoder.decode(out.take());
}

test("grows from nothing and keeps what was written", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), fc.nat(64), (runs, capacity) => {
      const out = new ByteWriter(capacity);
      for (const run of runs) out.all(run);
      expect(Buffer.from(out.take())).toEqual(Buffer.concat(runs));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("copies spans, also out of itself", () => {
  const out = new ByteWriter(4).ascii("hello");
  out.copy(out.bytes, 1, 3).copy(out.bytes, 3, 3).copy(out.bytes, 4, 2);
  expect(decoder.decode(out.take())).toBe("helloel");
});

test("clear() keeps the room, shrink() gives a peak back", () => {
  const out = new ByteWriter(8).ascii("x".repeat(1000));
  const room = out.bytes.length;
  expect(out.clear().length).toBe(0);
  expect(out.bytes.length).toBe(room);
  out.shrink(64);
  expect(out.bytes.length).toBe(64);
  expect(decoder.decode(out.ascii("again").take())).toBe("again");
});

test("take() is a copy", () => {
  const out = new ByteWriter(8).ascii("one");
  const taken = out.take();
  out.clear().ascii("two");
  expect(decoder.decode(taken)).toBe("one");
});

describe("quoted", () => {
  test("reads back as the same text, whatever it holds", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom(...'"\\\n\r\t\b\f\u0000\u001f\u007f\u2028é🙂') }),
    );
    fc.assert(
      fc.property(text, (value) => {
        expect(JSON.parse(written((out) => out.quoted(value)))).toBe(value);
      }),
      { seed: 2, numRuns: 3000 },
    );
  });

  test("makes U+FFFD of a lone surrogate, and keeps pairs", () => {
    expect(JSON.parse(written((out) => out.quoted("a\ud83d")))).toBe("a\ufffd");
    expect(JSON.parse(written((out) => out.quoted("\ude42b")))).toBe("\ufffdb");
    expect(JSON.parse(written((out) => out.quoted("\ud83d\ud83d\ude42")))).toBe("\ufffd🙂");
  });
});

describe("numbers", () => {
  test("int writes every i32 as JavaScript does", () => {
    const value = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.integer({ min: -20, max: 20 }));
    fc.assert(
      fc.property(value, (number) => {
        expect(written((out) => out.int(number))).toBe(String(number));
      }),
      { seed: 3, numRuns: 2000 },
    );
  });

  test("whole writes up to 2^53 exactly", () => {
    const edges = Array.from({ length: 16 }, (_, digits) => [10 ** digits - 1, 10 ** digits]).flat();
    const value = fc.oneof(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.constantFrom(...edges, 2 ** 53));
    fc.assert(
      fc.property(value, (number) => {
        expect(written((out) => out.whole(number))).toBe(String(number));
      }),
      { seed: 4, numRuns: 2000 },
    );
  });
});
