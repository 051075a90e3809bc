import { constants, createGzip, deflateRawSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "./byte-writer.ts";
import { Gunzip } from "./gzip.ts";

const LIMIT = 16 * 1024 * 1024;

interface Read {
  text: Buffer;
  broken: boolean;
  complete: boolean;
}

function read(bytes: Buffer, size = bytes.length || 1, limit = LIMIT): Read {
  const gunzip = new Gunzip();
  const all: Buffer[] = [];
  const out = new ByteWriter(0);
  for (let at = 0; at < bytes.length && !gunzip.broken; at += size) {
    const piece = bytes.subarray(at, at + size);
    gunzip.push(piece, piece.length, limit, out.clear());
    all.push(Buffer.from(out.take()));
  }
  return { text: Buffer.concat(all), broken: gunzip.broken, complete: gunzip.complete };
}

function whole(text: Buffer): Read {
  return { text, broken: false, complete: true };
}

const PROSE = Buffer.from(
  `${"It was the best of times, it was the worst of times. 你好 👩‍👩‍👧 ".repeat(50)}${"z".repeat(70_000)}`,
);

describe("a gzip stream", () => {
  const noise = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * index * 31 + (index >> 3)) & 255));
  const samples: [string, Buffer][] = [
    ["prose", PROSE],
    ["nothing", Buffer.alloc(0)],
    ["noise", noise],
    ["one byte", Buffer.from("x")],
  ];
  const ways: [string, object][] = [
    ["by default", {}],
    ["stored", { level: 0 }],
    ["with the fixed codes", { strategy: constants.Z_FIXED }],
    ["with Huffman codes alone", { strategy: constants.Z_HUFFMAN_ONLY }],
    ["with runs alone", { strategy: constants.Z_RLE }],
    ["in a small window", { windowBits: 9, memLevel: 1 }],
  ];

  it.each(samples.flatMap(([name, text]) => ways.map(([way, options]) => [name, way, text, options] as const)))(
    "of %s, compressed %s, is read whole and in pieces",
    (_, __, text, options) => {
      const bytes = gzipSync(text, options);
      for (const size of [bytes.length, 1, 7, 1000]) expect(read(bytes, size)).toEqual(whole(text));
    },
  );

  it("holds matches from as far back as there may be", () => {
    const text = Buffer.concat([noise.subarray(0, 32_768), noise.subarray(0, 300), PROSE, noise.subarray(0, 32_768)]);
    expect(read(gzipSync(text, { level: 9 }), 11)).toEqual(whole(text));
  });

  it("may have all the fields that a header can have", () => {
    const member = gzipSync(PROSE);
    const head = Buffer.from([0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 3, 3, 0, 65, 66, 67]);
    const names = Buffer.from("name\0comment\0\x01\x02", "latin1");
    const bytes = Buffer.concat([head, names, member.subarray(10)]);
    for (const size of [bytes.length, 1, 7]) expect(read(bytes, size)).toEqual(whole(PROSE));
  });

  it("may have many members, and padding behind them", () => {
    const bytes = Buffer.concat([gzipSync("one "), gzipSync(""), gzipSync("two"), Buffer.alloc(20)]);
    for (const size of [bytes.length, 1, 7]) expect(read(bytes, size)).toEqual(whole(Buffer.from("one two")));
  });

  it("tells each flushed part at once", async () => {
    const gzip = createGzip();
    const gunzip = new Gunzip();
    for (const part of ["data: 1\n\n", "data: 2\n\n", `data: ${"x".repeat(3000)}\n\n`]) {
      gzip.write(part);
      await new Promise<void>((flushed) => gzip.flush(constants.Z_SYNC_FLUSH, () => flushed()));
      const bytes: Buffer = gzip.read();
      const out = new ByteWriter(0);
      gunzip.push(bytes, bytes.length, LIMIT, out);
      expect(Buffer.from(out.take()).toString()).toBe(part);
    }
    expect(gunzip.complete).toBe(false);
  });

  it("that is cut is not complete, wherever it is cut", () => {
    const bytes = gzipSync(PROSE);
    for (let end = 1; end < bytes.length; end++) {
      const { text, broken, complete } = read(bytes.subarray(0, end));
      expect([broken, complete]).toEqual([false, false]);
      expect(PROSE.subarray(0, text.length).equals(text)).toBe(true);
    }
  });

  it("that tells of more than the limit is broken, before it takes the memory", () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    const { text, broken } = read(bomb, bomb.length, 1024 * 1024);
    expect(broken).toBe(true);
    expect(text.length).toBeLessThan(1024 * 1024 + 512);
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ["another magic number", (bytes) => Buffer.concat([Buffer.from([0x1f, 0x8c]), bytes.subarray(2)])],
    ["another method", (bytes) => Buffer.concat([bytes.subarray(0, 2), Buffer.from([7]), bytes.subarray(3)])],
    ["a wrong checksum", (bytes) => flipped(bytes, bytes.length - 8)],
    ["a wrong size", (bytes) => flipped(bytes, bytes.length - 1)],
    ["no gzip at all", () => Buffer.from('{"choices":[]}')],
    ["zlib's wrapping", () => Buffer.concat([Buffer.from([0x78, 0x9c]), deflateRawSync("x")])],
  ])("with %s is broken", (_, bend) => {
    const bytes = bend(gzipSync(PROSE));
    for (const size of [bytes.length, 1]) expect(read(bytes, size).broken).toBe(true);
  });

  it("with any bytes changed is read alike in pieces of any size, and never as another whole text", () => {
    const bytes = gzipSync(PROSE.subarray(0, 4000));
    const edit = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), fc.integer({ min: 1, max: 40 }));
    fc.assert(
      fc.property(edit, ([at, change, size]) => {
        const changed = flipped(bytes, at, change);
        const once = read(changed);
        expect(read(changed, size)).toEqual(once);
        // What stands in a header's time and operating system is not covered by the checksum.
        if (at >= 10 && once.complete && !once.broken) expect(once.text.equals(PROSE.subarray(0, 4000))).toBe(true);
      }),
      { seed: 1, numRuns: 3000 },
    );
  });
});

function flipped(bytes: Buffer, at: number, change = 1): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ change;
  return changed;
}
