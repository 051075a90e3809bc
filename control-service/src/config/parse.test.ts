import { checkConfig } from "@oneapi/contract";
import { describe, expect, it } from "vitest";
import { parseConfigText } from "./parse.ts";

const documentOf = (text: string) => {
  const parsed = parseConfigText(text);
  return "document" in parsed ? parsed.document : parsed.mistakes;
};

describe("parseConfigText", () => {
  it("keeps dates, versions and words as text", () => {
    expect(documentOf("a: 2027-01-31\nb: 2024-10-21\nc: no\nd: 1.50\ne: 0o17")).toEqual({
      a: "2027-01-31",
      b: "2024-10-21",
      c: "no",
      d: 1.5,
      e: 15,
    });
  });

  it.each([
    ["a: 1\na: 2", "Map keys must be unique"],
    ["a: [1", /Flow sequence/],
    ["a: !!secret x", /Unresolved tag/],
    ["a: 1\n---\nb: 2", /multiple documents/],
    ["a: *nowhere", /alias/],
    [`${"[".repeat(50_000)}`, /call stack/],
    ["a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c]\ne: [*d,*d,*d,*d]", /alias/],
  ])("reports %.20j", (text, message) => {
    const parsed = parseConfigText(text);
    expect(parsed.mistakes[0]?.message).toEqual(typeof message === "string" ? message : expect.stringMatching(message));
  });

  it("does not let a document reach into prototypes", () => {
    const document = documentOf("version: 1\n__proto__: {providers: []}\nconstructor: 1\n");
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype);
    expect(
      checkConfig(document)
        .mistakes.map(({ path }) => path)
        .toSorted(),
    ).toEqual(["__proto__", "constructor"]);
  });
});
