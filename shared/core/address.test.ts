import { BlockList, isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Address, AddressRange } from "./address.ts";

function contains(range: string, address: string): boolean {
  const block = AddressRange.parse(range);
  const member = Address.parse(address);
  if (block === null || member === null) throw new Error(`not read: ${range} or ${address}`);
  return block.contains(member);
}

function bits(text: string): bigint | null {
  const address = Address.parse(text);
  if (address === null) return null;
  return [address.a, address.b, address.c, address.d].reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
}

function ipv6Text(value: bigint): string {
  return Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(":");
}

/** Another spelling: the zeros of `text` from one group to another as `::`. */
function compressed(text: string, from: number, count: number): string {
  const groups = text.split(":");
  const end = Math.min(from + count, 8);
  for (let i = from; i < end; i++) groups[i] = "0";
  return `${groups.slice(0, from).join(":")}::${groups.slice(end).join(":")}`;
}

describe("an address", () => {
  it.each([
    ["1.2.3.4", 0xffff01020304n],
    ["255.255.255.255", 0xffffffffffffn],
    ["1.2.3.4:5678", 0xffff01020304n],
    ["1.2.3.4:0", 0xffff01020304n],
    ["::ffff:1.2.3.4", 0xffff01020304n],
    ["::FFFF:102:304", 0xffff01020304n],
    ["[::ffff:1.2.3.4]:65535", 0xffff01020304n],
    ["::", 0n],
    ["::1", 1n],
    ["[::1]", 1n],
    ["[::1]:5678", 1n],
    ["1::", 1n << 112n],
    ["1:2:3:4:5:6:7::", 0x00010002000300040005000600070000n],
    ["::2:3:4:5:6:7:8", 0x00000002000300040005000600070008n],
    ["64:ff9b::192.0.2.33", 0x0064ff9b0000000000000000c0000221n],
    ["1:2:3:4:5:6:7.8.9.10", 0x0001000200030004000500060708090an],
  ])("%s is read", (text, expected) => {
    expect(bits(text)).toBe(expected);
  });

  it.each([
    "",
    " 1.2.3.4",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4:",
    "1.2.3.4:65536",
    "1.2.3.4:-1",
    "1.2.3.4:080",
    "1.2.3.4/8",
    "[1.2.3.4]:80",
    "[::1",
    "[::1]x",
    "[::1]80",
    "::1]",
    "[]",
    ":",
    ":::",
    "1::2::3",
    "::12345",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4::5:6:7:8",
    "1:2:3:4:5:6:7:",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3.4:5",
    "::1.2.3",
    "fe80::1%eth0",
    "[fe80::1%eth0]:80",
    "localhost",
    "\u0661.2.3.4",
  ])("%j is none", (text) => {
    expect(Address.parse(text)).toBeNull();
  });

  it("is read in each spelling", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
        fc.nat(7),
        fc.integer({ min: 1, max: 8 }),
        (value, from, count) => {
          const plain = ipv6Text(value);
          expect(bits(plain)).toBe(value);
          expect(bits(plain.toUpperCase())).toBe(value);
          const short = compressed(plain, from, count);
          const zeros = Math.min(count, 8 - from);
          const hole = ((1n << BigInt(16 * zeros)) - 1n) << BigInt(16 * (8 - from - zeros));
          expect(bits(short)).toBe(value & ~hole);
        },
      ),
    );
  });

  it("is one exactly where Node takes it for one", () => {
    const groups = fc.string({ unit: fc.constantFrom(..."01afF"), minLength: 1, maxLength: 5 });
    const nearlyIpv6 = fc
      .array(fc.oneof({ weight: 6, arbitrary: groups }, fc.constantFrom("", "1.2.3.4")), { minLength: 2, maxLength: 9 })
      .map((parts) => parts.join(":"));
    const nearlyIpv4 = fc.array(fc.oneof(fc.nat(300).map(String), fc.constantFrom("", "00", "1a")), {
      minLength: 3,
      maxLength: 5,
    });
    const noise = fc.string({ unit: fc.constantFrom(..."012f:.["), maxLength: 12 });
    fc.assert(
      fc.property(
        fc.oneof(
          nearlyIpv6,
          nearlyIpv4.map((parts) => parts.join(".")),
          noise,
        ),
        (text) => {
          const range = AddressRange.parse(text);
          expect(range !== null).toBe(isIPv4(text) || isIPv6(text));
          if (range !== null) expect(Address.parse(text)).not.toBeNull();
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe("a range", () => {
  it.each([
    ["10.0.0.0/8", "10.255.0.1", "11.0.0.0"],
    ["10.1.2.3/8", "10.255.0.1", "9.255.255.255"],
    ["192.0.2.128/25", "192.0.2.255", "192.0.2.127"],
    ["192.0.2.7", "192.0.2.7", "192.0.2.6"],
    ["192.0.2.7/32", "192.0.2.7:443", "192.0.2.8"],
    ["128.0.0.0/1", "255.0.0.1", "127.255.255.255"],
    ["10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"],
    ["::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"],
    ["2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"],
    ["2001:db8:8000::/33", "2001:db8:8000::1", "2001:db8:7fff::1"],
    ["::1", "::1", "::2"],
    // One family's "all" is not the other's.
    ["0.0.0.0/0", "255.1.2.3", "::1"],
    ["::/0", "ffff::1", "1.2.3.4"],
    ["::/64", "::1", "::ffff:1.2.3.4"],
    ["::ffff:0:0/95", "::fffe:102:304", "1.2.3.4"],
  ])("%s holds %s and not %s", (range, inside, outside) => {
    expect(contains(range, inside)).toBe(true);
    expect(contains(range, outside)).toBe(false);
  });

  it.each([
    "",
    "/",
    "/8",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/8/8",
    "10.0.0.0/8 ",
    "10.0.0.0/1e1",
    "10.0.0.0:80",
    "10.0.0/8",
    "::/129",
    "::/99999999999",
    "[::1]",
    "[::1]/128",
    "fe80::%eth0/64",
  ])("%j is none", (text) => {
    expect(AddressRange.parse(text)).toBeNull();
  });

  /** An address, a prefix, and another address that differs from the first in one bit at most. */
  function neighbours(size: bigint) {
    const widest = Number(size);
    return fc
      .tuple(fc.bigInt({ min: 0n, max: (1n << size) - 1n }), fc.integer({ min: 0, max: widest }), fc.nat(widest))
      .map(([value, prefix, flipped]) => {
        const other = flipped === widest ? value : value ^ (1n << BigInt(flipped));
        return { value, prefix, other };
      });
  }

  it("holds what Node's BlockList holds, IPv4", () => {
    fc.assert(
      fc.property(neighbours(32n), ({ value, prefix, other }) => {
        const list = new BlockList();
        list.addSubnet(ipv4Text(value), prefix, "ipv4");
        expect(contains(`${ipv4Text(value)}/${prefix}`, ipv4Text(other))).toBe(list.check(ipv4Text(other), "ipv4"));
      }),
      { numRuns: 2000 },
    );
  });

  it("holds what Node's BlockList holds, IPv6", () => {
    fc.assert(
      fc.property(neighbours(128n), ({ value, prefix, other }) => {
        fc.pre(value >> 32n !== 0xffffn && other >> 32n !== 0xffffn);
        const list = new BlockList();
        list.addSubnet(ipv6Text(value), prefix, "ipv6");
        expect(contains(`${ipv6Text(value)}/${prefix}`, ipv6Text(other))).toBe(list.check(ipv6Text(other), "ipv6"));
      }),
      { numRuns: 2000 },
    );
  });
});
