import { expect, it } from "vitest";
import { base64Url } from "./base64.ts";

it("agrees with Node at every size of the last group and for every byte", () => {
  for (let size = 0; size <= 260; size++) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 37 + size) & 0xff);
    expect(base64Url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
  }
});
