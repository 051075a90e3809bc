/** Where a message ends is found without reading it; the library that wrote it knows. */
import { ExtData, encode } from "@msgpack/msgpack";
import { expect, it } from "vitest";
import { encodeAsKong } from "../../test/kong/msgpack.ts";
import { MessageEnd } from "../src/server/message-end.ts";

const items = (count: number) => Array.from({ length: count }, (_, index) => index);
const VALUES = [
  ...[null, true, false, 0, 127, 128, 256, 65_536, 2 ** 32, 2 ** 40, -1, -32, -33, -129, -32_769, -(2 ** 31) - 1, 1.5],
  ...["", "a", "x".repeat(31), "x".repeat(32), "x".repeat(256), "x".repeat(65_536)],
  ...[new Uint8Array(0), new Uint8Array(256), new Uint8Array(65_536)],
  ...[
    [],
    items(15),
    items(16),
    items(65_536),
    {},
    Object.fromEntries(items(16).map((key) => [`k${key}`, { key: [key] }])),
  ],
  ...[1, 2, 4, 8, 16, 3, 256, 65_536].map((size) => new ExtData(7, new Uint8Array(size))),
];
const MESSAGES = VALUES.flatMap((value) => [encode(value), encode([0, { value: [value, "end"] }])]).concat(
  // Texts in the old form, and a float of 32 bits.
  [encodeAsKong(["x".repeat(40)]), encode(1.5, { forceFloat32: true })],
);

it.each([1, 3, 1000, 10_000_000])("of all kinds of values, in pieces of %i bytes", (size) => {
  const all = Buffer.concat(MESSAGES);
  const end = new MessageEnd(100_000, 100_000);
  const found: number[] = [];
  for (let start = 0; start < all.length; start += size) {
    const piece = all.subarray(start, start + size);
    for (let at = end.find(piece, 0); at >= 0; at = end.find(piece, at)) found.push(start + at);
  }
  expect(found).toEqual(MESSAGES.map((_, last) => Buffer.concat(MESSAGES.slice(0, last + 1)).length));
});

it("a value that is too long is told by its length alone", () => {
  expect(() => new MessageEnd(99, 9).find(Buffer.from([0x91, 0xc5, 0, 100]), 0)).toThrow("too long");
  expect(new MessageEnd(100, 9).find(Buffer.from([0x91, 0xc5, 0, 100]), 0)).toBe(-1);
});

it("a message of too many values is told before they are there", () => {
  const list = Buffer.from([0xdc, 0, 9]);
  expect(() => new MessageEnd(99, 9).find(list, 0)).toThrow("too many");
  expect(new MessageEnd(99, 10).find(list, 0)).toBe(-1);
  expect(() => new MessageEnd(99, 10).find(Buffer.concat([list, Buffer.from([0x90, 0x91])]), 0)).toThrow("too many");
});
