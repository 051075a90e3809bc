import { createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { hmacSha256 } from "./hmac.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

it("answers the second example of RFC 4231", () => {
  const mac = hmacSha256(Buffer.from("Jefe"), Buffer.from("what do ya want for nothing?"));
  expect(hex(mac)).toBe("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
});

it("agrees with Node for keys below, at and above the size of a block", () => {
  for (let size = 0; size <= 130; size++) {
    const key = Uint8Array.from({ length: size }, (_, i) => (i * 31 + 1) & 0xff);
    const message = Uint8Array.from({ length: size * 2 }, (_, i) => (i * 7) & 0xff);
    expect(hex(hmacSha256(key, message))).toBe(createHmac("sha256", key).update(message).digest("hex"));
  }
});
