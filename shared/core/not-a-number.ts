import { ByteWriter } from "./byte-writer.ts";
import { byteAt, findByte, QUOTE, startsAscii } from "./bytes.ts";
import { skipString } from "./json-scan.ts";

/**
 * Python's json module writes NaN, Infinity and -Infinity (log probabilities of vLLM and its like), which no JSON parser of
 * a client takes. Their place is taken by null.
 */

/** Whether such a word may stand in `bytes[start, end)`, in a string perhaps. Cheap: for every event of a stream. */
export function mayHoldNoNumber(bytes: Uint8Array, start: i32, end: i32): boolean {
  return holds(bytes, start, end, "NaN") || holds(bytes, start, end, "Infinity");
}

function holds(bytes: Uint8Array, start: i32, end: i32, word: string): boolean {
  const first = word.charCodeAt(0);
  let at = findByte(bytes, first, start, end);
  while (at >= 0) {
    if (startsAscii(bytes, at, end, word)) return true;
    at = findByte(bytes, first, at + 1, end);
  }
  return false;
}

/** Appends `bytes[start, end)` to `out`, with null for every such word outside of strings; false when there is none. */
export function writeWithNull(bytes: Uint8Array, start: i32, end: i32, out: ByteWriter): boolean {
  let found = false;
  let from = start;
  let at = start;
  while (at < end) {
    const c = byteAt(bytes, at);
    if (c === QUOTE) {
      const after = skipString(bytes, at, end);
      if (after < 0) break;
      at = after;
    } else if (c === 0x4e || c === 0x49 || c === 0x2d) {
      const size = wordSize(bytes, at, end);
      if (size > 0) {
        out.copy(bytes, from, at).ascii("null");
        found = true;
        from = at + size;
        at = from;
      } else at++;
    } else at++;
  }
  out.copy(bytes, from, end);
  return found;
}

function wordSize(bytes: Uint8Array, at: i32, end: i32): i32 {
  if (startsAscii(bytes, at, end, "NaN")) return 3;
  if (startsAscii(bytes, at, end, "Infinity")) return 8;
  if (startsAscii(bytes, at, end, "-Infinity")) return 9;
  return 0;
}
