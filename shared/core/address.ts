const DOT: i32 = 0x2e;
const COLON: i32 = 0x3a;

/** The eight groups of the IPv6 address that is being read. */
const groups: Int32Array = new Int32Array(8);

/**
 * An IP address. IPv4 is held as the IPv6 address that maps it (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2), so both
 * spellings of one host are one address.
 */
export class Address {
  /** The 128 bits, from the highest. */
  readonly a: i32;
  readonly b: i32;
  readonly c: i32;
  readonly d: i32;

  constructor(a: i32, b: i32, c: i32, d: i32) {
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
  }

  /**
   * Reads an address, also with a port (`1.2.3.4:5678`, `[::1]:5678`), which is dropped. Null for anything else, such
   * as a zone (`fe80::1%eth0`), which means something on one host only, and octets that some would read as octal (`010`).
   */
  static parse(text: string): Address | null {
    if (text.length > 0 && text.charCodeAt(0) === 0x5b) {
      const close = text.indexOf("]");
      if (close < 0 || !isPort(text, close + 1)) return null;
      return parseIpv6(text, 1, close);
    }
    const colon = text.indexOf(":");
    if (colon < 0) return parseIpv4(text, 0, text.length);
    if (text.indexOf(":", colon + 1) >= 0) return parseIpv6(text, 0, text.length);
    return isPort(text, colon) ? parseIpv4(text, 0, colon) : null;
  }

  isIpv4(): boolean {
    return this.a === 0 && this.b === 0 && this.c === 0xffff;
  }
}

/** A block of addresses of one family: `::/0` holds no IPv4 address. */
export class AddressRange {
  private readonly base: Address;
  /** How many of the 128 bits are fixed. */
  private readonly size: i32;
  private readonly ipv4: boolean;

  constructor(base: Address, size: i32) {
    this.base = base;
    this.size = size;
    this.ipv4 = size >= 96 && base.isIpv4();
  }

  /**
   * Reads a block in CIDR notation, or one address, which is a block of its own; null for anything else. Bits behind
   * the prefix count for nothing: `10.1.2.3/8` is `10.0.0.0/8`.
   */
  static parse(text: string): AddressRange | null {
    const slash = text.indexOf("/");
    const end: i32 = slash < 0 ? text.length : slash;
    const ipv6 = text.indexOf(":") >= 0;
    const base = ipv6 ? parseIpv6(text, 0, end) : parseIpv4(text, 0, end);
    if (base === null) return null;
    if (slash < 0) return new AddressRange(base, 128);
    const size = parseDecimal(text, slash + 1, text.length, ipv6 ? 128 : 32);
    if (size < 0) return null;
    return new AddressRange(base, ipv6 ? size : size + 96);
  }

  contains(address: Address): boolean {
    if (this.ipv4 !== address.isIpv4()) return false;
    const base = this.base;
    const size = this.size;
    return (
      sameBits(base.a, address.a, size) &&
      sameBits(base.b, address.b, size - 32) &&
      sameBits(base.c, address.c, size - 64) &&
      sameBits(base.d, address.d, size - 96)
    );
  }
}

/** Whether the highest `count` bits are the same; none below 1, all from 32 on. */
function sameBits(left: i32, right: i32, count: i32): boolean {
  if (count <= 0) return true;
  const different = left ^ right;
  return count >= 32 ? different === 0 : different >>> (32 - count) === 0;
}

function parseIpv4(text: string, start: i32, end: i32): Address | null {
  let value: i32 = 0;
  let at = start;
  for (let i: i32 = 0; i < 4; i++) {
    const stop: i32 = i < 3 ? text.indexOf(".", at) : end;
    if (stop < 0 || stop > end) return null;
    const octet = parseDecimal(text, at, stop, 255);
    if (octet < 0) return null;
    value = (value << 8) | octet;
    at = stop + 1;
  }
  return new Address(0, 0, 0xffff, value);
}

/** Reads `text[start, end)` as RFC 4291 section 2.2 has it, with at most one `::` and perhaps an IPv4 tail. */
function parseIpv6(text: string, start: i32, end: i32): Address | null {
  let count: i32 = 0;
  /** How many groups stand before the `::`. */
  let gap: i32 = -1;
  let at = start;
  if (isDoubleColon(text, at, end)) {
    gap = 0;
    at += 2;
  }
  while (at < end) {
    if (count === 8) return null;
    const stop = hexEnd(text, at, end);
    if (stop < end && text.charCodeAt(stop) === DOT) {
      if (count > 6) return null;
      const tail = parseIpv4(text, at, end);
      if (tail === null) return null;
      groups[count] = (tail.d >>> 16) & 0xffff;
      groups[count + 1] = tail.d & 0xffff;
      count += 2;
      at = end;
    } else {
      if (stop === at || stop - at > 4) return null;
      groups[count] = parseHex(text, at, stop);
      count++;
      at = stop;
      if (at === end) break;
      if (text.charCodeAt(at) !== COLON) return null;
      if (isDoubleColon(text, at, end)) {
        if (gap >= 0) return null;
        gap = count;
        at++;
      } else if (at + 1 === end) return null;
      at++;
    }
  }
  if (gap < 0 ? count !== 8 : count === 8) return null;
  if (gap >= 0) openGap(gap, count);
  return new Address(pair(0), pair(2), pair(4), pair(6));
}

/** Moves the groups behind the gap to the end and fills it with zeros. */
function openGap(gap: i32, count: i32): void {
  const shift = 8 - count;
  for (let i: i32 = 7; i >= gap; i--) {
    groups[i] = i >= gap + shift ? (groups[i - shift] as i32) : 0;
  }
}

function pair(at: i32): i32 {
  return ((groups[at] as i32) << 16) | (groups[at + 1] as i32);
}

function isDoubleColon(text: string, at: i32, end: i32): boolean {
  return at + 1 < end && text.charCodeAt(at) === COLON && text.charCodeAt(at + 1) === COLON;
}

/** Whether nothing or a colon and a port stands from `at` to the end. */
function isPort(text: string, at: i32): boolean {
  if (at >= text.length) return true;
  return text.charCodeAt(at) === COLON && parseDecimal(text, at + 1, text.length, 65535) >= 0;
}

/** The number that the digits in `text[start, end)` spell, or -1: no digits, a leading zero, or above `limit`. */
function parseDecimal(text: string, start: i32, end: i32, limit: i32): i32 {
  if (start >= end || (text.charCodeAt(start) === 0x30 && end - start > 1)) return -1;
  let value: i32 = 0;
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > limit) return -1;
  }
  return value;
}

function hexDigit(c: i32): i32 {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function hexEnd(text: string, start: i32, end: i32): i32 {
  let at = start;
  while (at < end && hexDigit(text.charCodeAt(at)) >= 0) at++;
  return at;
}

function parseHex(text: string, start: i32, end: i32): i32 {
  let value: i32 = 0;
  for (let at = start; at < end; at++) value = (value << 4) | hexDigit(text.charCodeAt(at));
  return value;
}
