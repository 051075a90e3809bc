import { z } from "zod";
import { type Address, contains, type Network, parseAddress, parseNetwork } from "./address.ts";

/**
 * Where clouds answer with credentials of the machine itself. A provider there would hand them to whoever may
 * configure providers, so these are refused; loopback and private addresses are for local models and allowed.
 */
const REFUSED_NETWORKS = [
  "169.254.0.0/16", // link-local: AWS, Azure, Google and most others
  "100.100.100.200", // Alibaba Cloud
  "192.0.0.192", // Oracle Cloud
  "168.63.129.16", // Azure's wire server
  "fe80::/10", // link-local
  "fd00:ec2::/32", // AWS
  "fd20:ce::254", // Google
].map((text) => parseNetwork(text) as Network);

const REFUSED_HOSTS = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
]);

/** Blocks of IPv6 in whose last or middle bits an IPv4 address travels, and how far to shift to get at it. */
const EMBEDDED_IPV4: readonly [Network, bigint][] = [
  [parseNetwork("::/96") as Network, 0n],
  [parseNetwork("::ffff:0:0/96") as Network, 0n],
  [parseNetwork("64:ff9b::/96") as Network, 0n],
  [parseNetwork("2002::/16") as Network, 80n],
];

function spellings(address: Address): Address[] {
  if (address.bits === 32) return [address];
  const embedded = EMBEDDED_IPV4.filter(([network]) => contains(network, address)).map(
    ([, shift]): Address => ({ bits: 32, value: (address.value >> shift) & 0xffffffffn }),
  );
  return [address, ...embedded];
}

/** Says what is wrong with a provider's base URL, or null. The URL parser has undone hex, octal and the like. */
export function baseUrlProblem(text: string): string | null {
  if (!URL.canParse(text)) return "must be a URL like https://api.example.com/v1";
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return "must be an http or https URL";
  if (url.username || url.password) return "must not hold a user or password: use credentials";
  if (text.includes("#")) return "must not have a fragment";
  if (/[\s\\]/.test(text)) return "must not hold white space or backslashes";
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.+$/, "");
  const address = parseAddress(host);
  const refused = address
    ? spellings(address).some((spelling) => REFUSED_NETWORKS.some((network) => contains(network, spelling)))
    : REFUSED_HOSTS.has(host);
  return refused ? "must not be a link-local or cloud metadata address" : null;
}

export const baseUrlSchema = z
  .string({ error: "must be a URL like https://api.example.com/v1" })
  .max(2048, { error: "must have at most 2048 characters" })
  .check((context) => {
    const problem = baseUrlProblem(context.value);
    if (problem) context.issues.push({ code: "custom", message: problem, input: context.value });
  });
