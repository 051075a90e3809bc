import { describe, expect, it } from "vitest";
import { cidrSchema, contains, type Network, parseAddress, parseNetwork } from "./address.ts";

describe("addresses", () => {
  it.each([
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["0.0.0.0/0", "1.2.3.4", true],
    ["10.0.0.0/8", "::ffff:10.0.0.1", false],
    ["fd00::/8", "fdff::1", true],
    ["2001:db8::/33", "2001:db8:8000::", false],
    ["::1", "0:0:0:0:0:0:0:1", true],
  ])("%s holds %s: %s", (network, address, expected) => {
    expect(contains(parseNetwork(network) as Network, parseAddress(address) as never)).toBe(expected);
  });

  it.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "256.0.0.1",
    "1.2.3.4/33",
    "1.2.3.4/",
    "::1/129",
    ":::",
    "1::2::3",
    "g::1",
    "fe80::1%eth0",
    "1:2:3:4:5:6:7:8:9",
    "10.0.0.0/8/8",
  ])("refuses %j", (text) => {
    expect(cidrSchema.safeParse(text).success).toBe(false);
  });
});
