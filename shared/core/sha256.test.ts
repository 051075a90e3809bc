import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256, sha256Hex, sha256Word } from "./sha256.ts";

function hash(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return sha256Hex(bytes, 0, bytes.length);
}

describe("the examples of FIPS 180-4", () => {
  it.each([
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
    ["a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
  ])("%.60s", (text, expected) => {
    expect(hash(text)).toBe(expected);
  });
});

it("agrees with Node at every size around the ends of blocks", () => {
  for (let size = 0; size <= 260; size++) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 37 + size) & 0xff);
    expect(sha256Hex(bytes, 0, size)).toBe(createHash("sha256").update(bytes).digest("hex"));
  }
});

it("agrees with Node on any part of any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(400), fc.nat(400), (bytes, from, to) => {
      const start = Math.min(from, to, bytes.length);
      const end = Math.min(Math.max(from, to), bytes.length);
      const expected = createHash("sha256").update(bytes.subarray(start, end)).digest();
      expect(sha256Hex(bytes, start, end)).toBe(expected.toString("hex"));
      expect(Buffer.from(sha256(bytes, start, end))).toEqual(expected);
      expect(sha256Word(bytes, start, end)).toBe(expected.readInt32BE(0));
    }),
  );
});
