import { describe, expect, it } from "vitest";
import { hasValidChecksum, isServiceKey } from "../../../shared/core/key-format.ts";
import { claimsToBeMade, hashSecret, isMadeSecret, makeSecret } from "./secret.ts";

const check = (text: string) => hasValidChecksum(new TextEncoder().encode(text), 0, text.length);

describe("secrets of keys", () => {
  it("have the form that gateways check", () => {
    for (let round = 0; round < 200; round++) {
      const secret = makeSecret();
      expect(secret).toMatch(/^sk-oa-[0-9A-Za-z]{38}$/);
      expect(isServiceKey(new TextEncoder().encode(secret), 0, secret.length)).toBe(true);
      expect(check(secret)).toBe(true);
      expect(isMadeSecret(secret)).toBe(true);
    }
  });

  it("keep the form for all time: keys live in clients' configurations", () => {
    const secret = "sk-oa-0123456789ABCDEFGHIJKLMNOPQRSTUV4J9kvT";
    expect(isMadeSecret(secret)).toBe(true);
    expect(check(secret)).toBe(true);
  });

  it.each([
    ["another digit", "sk-oa-0123456789ABCDEFGHIJKLMNOPQRSTUW4J9kvT"],
    ["another checksum", "sk-oa-0123456789ABCDEFGHIJKLMNOPQRSTUV4J9kvU"],
    ["one digit less", "sk-oa-0123456789ABCDEFGHIJKLMNOPQRSTU4J9kvT"],
    ["another prefix", "sk-ob-0123456789ABCDEFGHIJKLMNOPQRSTUV4J9kvT"],
    ["a dash", "sk-oa-0123456789ABCDEFGHIJKLMNOPQRST-V4J9kvT"],
  ])("are not made with %s", (_, text) => {
    expect(isMadeSecret(text)).toBe(false);
    expect(check(text)).toBe(false);
  });

  it("are hashed as gateways hash them", () => {
    expect(hashSecret("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(claimsToBeMade("sk-oa-x")).toBe(true);
    expect(claimsToBeMade("sk-proj-x")).toBe(false);
  });
});
