import { startsAscii } from "../../bytes.ts";
import { Json, OBJECT, STRING } from "../../json.ts";
import { skipSpace, skipString } from "../../json-scan.ts";

export const NO_DELTA: i32 = 0;
export const TEXT_DELTA: i32 = 1;
export const THINKING_DELTA: i32 = 2;
export const INPUT_DELTA: i32 = 3;

const HEAD: string = '{"type":"content_block_delta","index":';
const MIDDLE: string = ',"delta":{"type":"';
const TEXT: string = 'text_delta","text":"';
const THINKING: string = 'thinking_delta","thinking":"';
const INPUT: string = 'input_json_delta","partial_json":"';
/** A block's number has at most so many digits. */
const MOST_DIGITS: i32 = 6;

/**
 * Reads `content_block_delta` events, which are nearly all events of a stream. They come in one spelling, so `scan` checks
 * that spelling in one walk and builds nothing; whatever is spelled otherwise goes the long way, `read`.
 */
export class Delta {
  /** One of the constants above. */
  kind: i32 = NO_DELTA;
  /** The number of the content block. */
  index: i32 = 0;
  /** What was added: the inside of a JSON string, in the bytes given. */
  start: i32 = 0;
  end: i32 = 0;

  /** Reads the event in `bytes[start, end)` if it is a delta in the usual spelling; false when it is not. */
  scan(bytes: Uint8Array, start: i32, end: i32): boolean {
    if (!startsAscii(bytes, start, end, HEAD)) return false;
    let at = start + HEAD.length;
    const digits = at;
    let index: i32 = 0;
    while (at < end && at - digits < MOST_DIGITS) {
      const c = bytes[at] as i32;
      if (c < 48 || c > 57) break;
      index = index * 10 + (c - 48);
      at++;
    }
    if (at === digits || !startsAscii(bytes, at, end, MIDDLE)) return false;
    at += MIDDLE.length;
    let kind = NO_DELTA;
    if (startsAscii(bytes, at, end, TEXT)) {
      kind = TEXT_DELTA;
      at += TEXT.length;
    } else if (startsAscii(bytes, at, end, THINKING)) {
      kind = THINKING_DELTA;
      at += THINKING.length;
    } else if (startsAscii(bytes, at, end, INPUT)) {
      kind = INPUT_DELTA;
      at += INPUT.length;
    } else return false;
    const after = skipString(bytes, at - 1, end);
    if (after < 0 || !closes(bytes, after, end)) return false;
    this.kind = kind;
    this.index = index;
    this.start = at;
    this.end = after - 1;
    return true;
  }

  /** Reads a delta in any spelling; its kind is NO_DELTA when it is of no use to a client (a signature, a citation). */
  read(event: Json): void {
    this.kind = NO_DELTA;
    this.index = event.count32("index", 0);
    const delta = event.value("delta");
    if (delta == null || delta.kind !== OBJECT) return;
    const type = delta.value("type");
    if (type == null) return;
    if (type.is("text_delta")) this.take(delta.value("text"), TEXT_DELTA);
    else if (type.is("thinking_delta")) this.take(delta.value("thinking"), THINKING_DELTA);
    else if (type.is("input_json_delta")) this.take(delta.value("partial_json"), INPUT_DELTA);
  }

  private take(added: Json | null, kind: i32): void {
    if (added == null || added.kind !== STRING) return;
    this.kind = kind;
    this.start = added.start;
    this.end = added.end;
  }
}

/** Whether only two closing braces and white space are left. */
function closes(bytes: Uint8Array, from: i32, end: i32): boolean {
  let at = skipSpace(bytes, from, end);
  if (at >= end || (bytes[at] as i32) !== 0x7d) return false;
  at = skipSpace(bytes, at + 1, end);
  if (at >= end || (bytes[at] as i32) !== 0x7d) return false;
  return skipSpace(bytes, at + 1, end) === end;
}
