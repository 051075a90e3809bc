import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { contentCodingOf, plainBody } from "./content-coding.ts";

const TEXT = Buffer.from('{"choices":[]}');
const LIMIT = 1024;

describe("a content coding", () => {
  it.each(["", "identity", " , Identity,"])("that says nothing is none: %j", (header) => {
    expect(contentCodingOf(header)).toBeNull();
  });

  it.each(["gzip", "x-gzip", "GZip", "identity, gzip", "gzip,"])("of gzip is read: %j", (header) => {
    const coding = contentCodingOf(header);
    const bytes = gzipSync(TEXT);
    const plain = coding?.decode(bytes, bytes.length, true, LIMIT);
    expect([Buffer.from(plain?.take() ?? []).toString(), coding?.fault]).toEqual([TEXT.toString(), ""]);
  });

  it.each(["br", "zstd", "deflate", "gzip, gzip", "gzip, br", "gzipped"])(
    "of any other kind is a fault: %j",
    (header) => {
      expect(contentCodingOf(header)?.fault).not.toBe("");
    },
  );
});

describe("a whole body whose head is not known", () => {
  it("is read when it begins as gzip does, and otherwise left as it is", () => {
    expect(Buffer.from(plainBody(gzipSync(TEXT), LIMIT))).toEqual(TEXT);
    const cut = gzipSync(TEXT).subarray(0, 20);
    for (const body of [TEXT, Buffer.alloc(0), cut]) expect(plainBody(body, LIMIT)).toBe(body);
  });
});
