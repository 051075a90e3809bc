import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasValidChecksum, isPlausibleKey, isServiceKey, keyChecksum } from "./key-format.ts";

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const encoder = new TextEncoder();
const bodies = fc
  .array(fc.constantFrom(...BASE62), { minLength: 32, maxLength: 32 })
  .map((characters) => `sk-oa-${characters.join("")}`);

function over<T>(text: string, check: (bytes: Uint8Array, start: number, end: number) => T): T {
  const bytes = encoder.encode(`<${text}>`);
  return check(bytes, 1, bytes.length - 1);
}

/** The checksum as the format's words have it, with big integers. */
function expectedChecksum(body: string): string {
  let rest = BigInt(`0x${createHash("sha256").update(body).digest("hex").slice(0, 8)}`);
  let digits = "";
  for (let i = 0; i < 6; i++) {
    digits = `${BASE62[Number(rest % 62n)]}${digits}`;
    rest /= 62n;
  }
  return digits;
}

describe("checksum", () => {
  it("is fixed for all time: keys live in clients' configurations", () => {
    const body = "sk-oa-0123456789ABCDEFGHIJKLMNOPQRSTUV";
    expect(over(body, keyChecksum)).toBe("4J9kvT");
    expect(over(`${body}4J9kvT`, hasValidChecksum)).toBe(true);
  });

  it("is the first 32 bits of the SHA-256 in base62", () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const checksum = expectedChecksum(body);
        expect(over(body, keyChecksum)).toBe(checksum);
        expect(over(body + checksum, hasValidChecksum)).toBe(true);
      }),
    );
  });

  it("fails for one changed character", () => {
    fc.assert(
      fc.property(bodies, fc.nat(37), fc.constantFrom(...BASE62, "-", "!", "\u00e9"), (body, index, character) => {
        const key = body + expectedChecksum(body);
        const at = 6 + index;
        fc.pre(key[at] !== character);
        expect(over(key.slice(0, at) + character + key.slice(at + 1), hasValidChecksum)).toBe(false);
      }),
    );
  });

  it("fails for any other size, though the checksum fits", () => {
    for (const body of ["sk-oa-", "sk-oa-short", `sk-oa-${"a".repeat(31)}`, `sk-oa-${"a".repeat(33)}`]) {
      expect(over(body + expectedChecksum(body), hasValidChecksum)).toBe(false);
    }
    const body = `sk-oa-${"a".repeat(32)}`;
    expect(over(`${body}${expectedChecksum(body)}a`, hasValidChecksum)).toBe(false);
  });

  it("fails where a character is not of base62, though the checksum fits", () => {
    const body = `sk-oa-${"a".repeat(31)}_`;
    expect(over(body + expectedChecksum(body), hasValidChecksum)).toBe(false);
  });

  it("fails for another prefix, though the checksum fits", () => {
    const body = `sk-ob-${"a".repeat(32)}`;
    expect(over(body + expectedChecksum(body), hasValidChecksum)).toBe(false);
  });
});

it("tells the service's keys by their prefix", () => {
  expect(over("sk-oa-", isServiceKey)).toBe(true);
  expect(over("sk-oa-anything", isServiceKey)).toBe(true);
  for (const other of ["", "sk-oa", "sk-OA-x", "sk-proj-x", "xsk-oa-x"]) expect(over(other, isServiceKey)).toBe(false);
});

it("takes 20 to 200 printable characters for a key", () => {
  for (const key of ["x".repeat(20), "x".repeat(200), "!~".repeat(20)]) expect(over(key, isPlausibleKey)).toBe(true);
  for (const other of ["", "x".repeat(19), "x".repeat(201)]) expect(over(other, isPlausibleKey)).toBe(false);
  for (const bad of [" ", "\t", "\x7f", "\0", "\u00e9"]) {
    expect(over(`${"x".repeat(15)}${bad}${"x".repeat(15)}`, isPlausibleKey)).toBe(false);
  }
});
