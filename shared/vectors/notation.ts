import { gzipSync } from "node:zlib";

const MARK = /⟨([^⟩]*)⟩/;

/** The bytes that a body's text stands for; throws on a mark that means nothing. */
export function readBody(text: string): Buffer {
  const pieces: Buffer[] = [];
  // Odd pieces are what stood inside the marks.
  for (const [index, piece] of text.split(MARK).entries()) {
    if (index % 2 === 0) pieces.push(Buffer.from(piece));
    else if (piece === "cut") break;
    else pieces.push(readMark(piece));
  }
  return Buffer.concat(pieces);
}

function readMark(mark: string): Buffer {
  if (/^[0-9a-f]{2}( [0-9a-f]{2})*$/.test(mark)) return Buffer.from(mark.replaceAll(" ", ""), "hex");
  if (mark.startsWith("gzip ")) return gzipSync(mark.slice("gzip ".length));
  const [, times, text] = /^(\d+) × (.+)$/s.exec(mark) ?? [];
  if (times === undefined || text === undefined) throw new Error(`no such mark: ⟨${mark}⟩`);
  return Buffer.from(text.repeat(Number(times)));
}
