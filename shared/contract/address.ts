import { z } from "zod";

/** An IP address as a number; IPv4 has 32 bits, IPv6 128. */
export interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** A block of addresses: those whose first `prefix` bits are the network's. */
export interface Network {
  readonly address: Address;
  readonly prefix: number;
}

function parseIpv4(text: string): bigint | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseGroups(text: string): bigint[] | null {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (part.includes(".")) {
      const tail = index === parts.length - 1 ? parseIpv4(part) : null;
      if (tail === null) return null;
      groups.push(tail >> 16n, tail & 0xffffn);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return null;
      groups.push(BigInt(`0x${part}`));
    }
  }
  return groups;
}

function parseIpv6(text: string): bigint | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map(parseGroups);
  if (!head || tail === null) return null;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...new Array<bigint>(missing).fill(0n), ...(tail ?? [])];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

/** Reads an IPv4 address in dotted decimals or an IPv6 address without zone; null for all else. */
export function parseAddress(text: string): Address | null {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== null) return { bits: 32, value: ipv4 };
  const ipv6 = text.includes(":") ? parseIpv6(text) : null;
  return ipv6 === null ? null : { bits: 128, value: ipv6 };
}

/** Reads `10.0.0.0/8`, `fd00::/8`, or a single address. */
export function parseNetwork(text: string): Network | null {
  const [host = "", prefixText, ...rest] = text.split("/");
  const address = parseAddress(host);
  if (!address || rest.length > 0) return null;
  if (prefixText === undefined) return { address, prefix: address.bits };
  if (!/^(0|[1-9]\d{0,2})$/.test(prefixText) || Number(prefixText) > address.bits) return null;
  return { address, prefix: Number(prefixText) };
}

export function contains(network: Network, address: Address): boolean {
  if (network.address.bits !== address.bits) return false;
  const shift = BigInt(address.bits - network.prefix);
  return network.address.value >> shift === address.value >> shift;
}

/** A block of client addresses; a single address gets its full prefix length. */
export const cidrSchema = z
  .string({ error: "must be an address or a block like 10.0.0.0/8" })
  .transform((text, context) => {
    const network = parseNetwork(text);
    const message = !network
      ? "must be an address or a block like 10.0.0.0/8"
      : BigInt.asUintN(network.address.bits - network.prefix, network.address.value) !== 0n
        ? `has bits set beyond its prefix of ${network.prefix}`
        : null;
    if (message) {
      context.issues.push({ code: "custom", message, input: text });
      return z.NEVER;
    }
    return text.includes("/") ? text : `${text}/${network?.prefix}`;
  });
