import { findByte, QUOTE, startsAscii } from "../../bytes.ts";
import { skipSpace, skipString } from "../../json-scan.ts";

/**
 * What matters of one event of an OpenAI stream, found without parsing it. A quote inside a JSON string is always
 * escaped, so `"name":` can only be a member's key; at whatever depth, which is why the reader of a flag looks again.
 */
export class EventScan {
  /** A member `usage` that holds an object. */
  usage: boolean = false;
  /** A member `error`, or an object that says it is one. */
  error: boolean = false;
  /** A member `delta`. */
  delta: boolean = false;
  /** A member `reasoning` or `stop_reason`: fields of vLLM's own. */
  ownFields: boolean = false;
  /** A `finish_reason` that is no end of an answer. */
  broken: boolean = false;
  /** How many `finish_reason`s are strings. */
  finishes: i32 = 0;
  /** Bytes of answer: content, reasoning, text and tool arguments. */
  answerBytes: i32 = 0;

  read(data: Uint8Array, start: i32, end: i32): void {
    this.usage = false;
    this.error = false;
    this.delta = false;
    this.ownFields = false;
    this.broken = false;
    this.finishes = 0;
    this.answerBytes = 0;
    let at = findByte(data, QUOTE, start, end);
    while (at >= 0 && at + 1 < end) {
      const from = at;
      at++;
      const c = data[at] as i32;
      if (c === 0x63) at = this.answer(data, from, end, '"content"');
      else if (c === 0x66) {
        const value = valueAfter(data, from, end, '"finish_reason"');
        if (value > 0 && (data[value] as i32) === QUOTE) {
          this.finishes++;
          if (startsAscii(data, value, end, '"abort"') || startsAscii(data, value, end, '"error"')) this.broken = true;
        }
      } else if (c === 0x75) {
        const value = valueAfter(data, from, end, '"usage"');
        if (value > 0 && (data[value] as i32) === 0x7b) this.usage = true;
      } else if (c === 0x65) {
        if (valueAfter(data, from, end, '"error"') > 0) this.error = true;
      } else if (c === 0x64) {
        if (valueAfter(data, from, end, '"delta"') > 0) this.delta = true;
      } else if (c === 0x6f) {
        const value = valueAfter(data, from, end, '"object"');
        if (value > 0 && startsAscii(data, value, end, '"error"')) this.error = true;
      } else if (c === 0x73) {
        if (valueAfter(data, from, end, '"stop_reason"') > 0) this.ownFields = true;
      } else if (c === 0x61) at = this.answer(data, from, end, '"arguments"');
      else if (c === 0x74) at = this.answer(data, from, end, '"text"');
      else if (c === 0x72) {
        at = this.answer(data, from, end, '"reasoning_content"');
        if (at === from + 1 && valueAfter(data, from, end, '"reasoning"') > 0) {
          this.ownFields = true;
          at = this.answer(data, from, end, '"reasoning"');
        }
      }
      at = findByte(data, QUOTE, at, end);
    }
  }

  /** Counts the string under `key`, if that is what stands at `from`; answers where to go on. */
  private answer(data: Uint8Array, from: i32, end: i32, key: string): i32 {
    const value = valueAfter(data, from, end, key);
    if (value < 0 || (data[value] as i32) !== QUOTE) return from + 1;
    const after = skipString(data, value, end);
    if (after < 0) return from + 1;
    this.answerBytes += after - value - 2;
    return after;
  }
}

/** Where the value of the member `key` (with its quotes) starts, or -1 when another thing stands at `from`. */
function valueAfter(data: Uint8Array, from: i32, end: i32, key: string): i32 {
  if (!startsAscii(data, from, end, key)) return -1;
  const colon = skipSpace(data, from + key.length, end);
  if (colon >= end || (data[colon] as i32) !== 0x3a) return -1;
  const value = skipSpace(data, colon + 1, end);
  return value < end ? value : -1;
}
