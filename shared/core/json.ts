import { ByteWriter } from "./byte-writer.ts";
import { BACKSLASH, byteAt, equalsAscii, findByte, QUOTE } from "./bytes.ts";
import { hexValue, skipSpace, skipString, skipValue } from "./json-scan.ts";
import { decodeUtf8 } from "./text.ts";

export const NULL: i32 = 0;
export const FALSE: i32 = 1;
export const TRUE: i32 = 2;
export const NUMBER: i32 = 3;
export const STRING: i32 = 4;
export const ARRAY: i32 = 5;
export const OBJECT: i32 = 6;

/**
 * JSON as spans of the sender's own bytes.
 *
 * The whole text is checked once, at `parse`; a container's children are made only when they are asked for. So a value
 * that is passed on is copied in its own spelling (no digit of a number is lost), and a value that nobody looks into
 * costs a walk over its bytes. Nothing here throws: `parse` answers null for text that is not JSON.
 */
export class Json {
  readonly kind: i32;
  readonly source: Uint8Array;
  /** The span of the value; of a string, of what lies between its quotes. */
  readonly start: i32;
  readonly end: i32;
  /** The span of the member's key between its quotes, in `source`; empty for what is no member. */
  keyStart: i32 = 0;
  keyEnd: i32 = 0;
  /** The next sibling. */
  next: Json | null = null;
  private child: Json | null = null;
  private opened: boolean = false;

  constructor(kind: i32, source: Uint8Array, start: i32, end: i32) {
    this.kind = kind;
    this.source = source;
    this.start = start;
    this.end = end;
  }

  /** The value that `bytes` spells, or null when they are not one JSON text. */
  static parse(bytes: Uint8Array): Json | null {
    return Json.parseSpan(bytes, 0, bytes.length);
  }

  /** As `parse`, of `bytes[start, end)`; null too when that does not lie inside. */
  static parseSpan(bytes: Uint8Array, start: i32, end: i32): Json | null {
    if (start < 0 || end > bytes.length) return null;
    const from = skipSpace(bytes, start, end);
    if (from < end && (bytes[from] as i32) === 0x7b) return Json.parseObject(bytes, from, end);
    const to = skipValue(bytes, from, end, 0);
    if (to < 0 || skipSpace(bytes, to, end) !== end) return null;
    return valueAt(bytes, from, to);
  }

  /** The object that starts at `from`, checked and opened in one walk: whoever parses one looks into it. */
  private static parseObject(bytes: Uint8Array, from: i32, end: i32): Json | null {
    let first: Json | null = null;
    let last: Json | null = null;
    let at = skipSpace(bytes, from + 1, end);
    if (at >= end) return null;
    if (byteAt(bytes, at) === 0x7d) at++;
    else {
      while (true) {
        if (at >= end || byteAt(bytes, at) !== QUOTE) return null;
        const keyStart = at + 1;
        at = skipString(bytes, at, end);
        if (at < 0) return null;
        const keyEnd = at - 1;
        at = skipSpace(bytes, at, end);
        if (at >= end || byteAt(bytes, at) !== 0x3a) return null;
        at = skipSpace(bytes, at + 1, end);
        const to = skipValue(bytes, at, end, 1);
        if (to < 0) return null;
        const member = valueAt(bytes, at, to);
        member.keyStart = keyStart;
        member.keyEnd = keyEnd;
        if (last == null) first = member;
        else last.next = member;
        last = member;
        at = skipSpace(bytes, to, end);
        if (at >= end) return null;
        const c = byteAt(bytes, at);
        at++;
        if (c === 0x7d) break;
        if (c !== 0x2c) return null;
        at = skipSpace(bytes, at, end);
      }
    }
    if (skipSpace(bytes, at, end) !== end) return null;
    const object = new Json(OBJECT, bytes, from, at);
    object.child = first;
    object.opened = true;
    return object;
  }

  /** The first element or member, or null. */
  first(): Json | null {
    if (!this.opened) {
      this.opened = true;
      if (this.kind === OBJECT) this.child = openObject(this.source, this.start, this.end);
      else if (this.kind === ARRAY) this.child = elements(this.source, this.start + 1, this.end);
    }
    return this.child;
  }

  /** How many elements or members there are. */
  count(): i32 {
    let n: i32 = 0;
    let child = this.first();
    while (child != null) {
      n++;
      child = child.next;
    }
    return n;
  }

  /** The member under the ASCII name `key`, or null. Of duplicates the last counts, as in JSON.parse. */
  get(key: string): Json | null {
    if (this.kind !== OBJECT) return null;
    let found: Json | null = null;
    let child = this.first();
    while (child != null) {
      if (child.isKey(key)) found = child;
      child = child.next;
    }
    return found;
  }

  /** As `get`, with a member that is null taken as absent. */
  value(key: string): Json | null {
    const member = this.get(key);
    return member == null || member.kind === NULL ? null : member;
  }

  /** The decoded string under `key`, or `otherwise`. */
  string(key: string, otherwise: string): string {
    const member = this.get(key);
    return member == null || member.kind !== STRING ? otherwise : member.text();
  }

  /** Whether the member under `key` is true. */
  flag(key: string): boolean {
    const member = this.get(key);
    return member != null && member.kind === TRUE;
  }

  /** The count under `key`: a whole number from 0 to 2^31 - 1; anything else is `otherwise`. */
  count32(key: string, otherwise: i32): i32 {
    const member = this.get(key);
    return member == null ? otherwise : member.int(otherwise);
  }

  /** Whether this member's key, its escapes decoded, is `key`. */
  isKey(key: string): boolean {
    if (equalsAscii(this.source, this.keyStart, this.keyEnd, key)) return true;
    // An escape is longer than what it stands for.
    if (this.keyEnd - this.keyStart <= key.length) return false;
    if (findByte(this.source, BACKSLASH, this.keyStart, this.keyEnd) < 0) return false;
    return decodeString(this.source, this.keyStart, this.keyEnd) === key;
  }

  /** This member's key, decoded. */
  key(): string {
    return decodeString(this.source, this.keyStart, this.keyEnd);
  }

  /** Whether this is a string that, decoded, is the ASCII text `text`. */
  is(text: string): boolean {
    if (this.kind !== STRING) return false;
    if (equalsAscii(this.source, this.start, this.end, text)) return true;
    if (this.end - this.start <= text.length) return false;
    if (findByte(this.source, BACKSLASH, this.start, this.end) < 0) return false;
    return this.text() === text;
  }

  /** The decoded string (of a string), or the spelling (of anything else). */
  text(): string {
    if (this.kind !== STRING) return decodeUtf8(this.source, this.start, this.end);
    return decodeString(this.source, this.start, this.end);
  }

  /** A whole number from 0 to 2^31 - 1, also in the spelling `3.0`; anything else is `otherwise`. */
  int(otherwise: i32): i32 {
    if (this.kind !== NUMBER) return otherwise;
    let value: i32 = 0;
    let at = this.start;
    while (at < this.end) {
      const c = this.source[at] as i32;
      if (c === 0x2e) break;
      if (c < 48 || c > 57 || value > 214748364 || (value === 214748364 && c > 55)) return otherwise;
      value = value * 10 + (c - 48);
      at++;
    }
    for (at++; at < this.end; at++) {
      if ((this.source[at] as i32) !== 48) return otherwise;
    }
    return value;
  }

  /** A whole number from 0 to 2^53 - 1; anything else is `otherwise`. For times and sequence numbers. */
  whole(otherwise: f64): f64 {
    if (this.kind !== NUMBER || this.end - this.start > 16) return otherwise;
    let value: f64 = 0;
    for (let at: i32 = this.start; at < this.end; at++) {
      const c = this.source[at] as i32;
      if (c < 48 || c > 57) return otherwise;
      value = value * 10 + ((c - 48) as f64);
    }
    // Above 2^53 an f64 holds even numbers only; 2^53 itself may be 2^53 + 1, rounded.
    return value < 9007199254740992 ? value : otherwise;
  }

  /** Whether the string (or key) is empty, or the container has no child. */
  isEmpty(): boolean {
    if (this.kind !== ARRAY && this.kind !== OBJECT) return this.end === this.start;
    // Only the bracket that closes it can follow.
    return skipSpace(this.source, this.start + 1, this.end) === this.end - 1;
  }

  /** Writes the value in its sender's spelling. */
  write(out: ByteWriter): void {
    if (this.kind === STRING) out.copy(this.source, this.start - 1, this.end + 1);
    else out.copy(this.source, this.start, this.end);
  }
}

/** The value whose checked text is `[from, to)`. */
function valueAt(bytes: Uint8Array, from: i32, to: i32): Json {
  const c = bytes[from] as i32;
  if (c === QUOTE) return new Json(STRING, bytes, from + 1, to - 1);
  if (c === 0x7b) return new Json(OBJECT, bytes, from, to);
  if (c === 0x5b) return new Json(ARRAY, bytes, from, to);
  if (c === 0x74) return new Json(TRUE, bytes, from, to);
  if (c === 0x66) return new Json(FALSE, bytes, from, to);
  if (c === 0x6e) return new Json(NULL, bytes, from, to);
  return new Json(NUMBER, bytes, from, to);
}

/** The first of the members of the checked object `bytes[start, end)`, or null. */
function openObject(bytes: Uint8Array, start: i32, end: i32): Json | null {
  const object = Json.parseSpan(bytes, start, end);
  return object == null ? null : object.first();
}

function elements(bytes: Uint8Array, from: i32, end: i32): Json | null {
  let first: Json | null = null;
  let last: Json | null = null;
  let at = skipSpace(bytes, from, end);
  while (at < end - 1) {
    const to = skipValue(bytes, at, end, 0);
    if (to < 0) return first;
    const element = valueAt(bytes, at, to);
    if (last == null) first = element;
    else last.next = element;
    last = element;
    at = skipSpace(bytes, skipSpace(bytes, to, end) + 1, end);
  }
  return first;
}

/** Decodes the inside of a checked JSON string. A lone surrogate escape stays one UTF-16 unit. */
function decodeString(bytes: Uint8Array, start: i32, end: i32): string {
  let back = findByte(bytes, BACKSLASH, start, end);
  if (back < 0) return decodeUtf8(bytes, start, end);
  const pieces = new Array<string>();
  let from = start;
  while (back >= 0) {
    if (back > from) pieces.push(decodeUtf8(bytes, from, back));
    const c = bytes[back + 1] as i32;
    from = back + 2;
    if (c === 0x75) {
      let unit: i32 = 0;
      for (let i: i32 = 0; i < 4; i++) unit = (unit << 4) | hexValue(bytes[from + i] as i32);
      pieces.push(String.fromCharCode(unit));
      from += 4;
    } else if (c === 110) pieces.push("\n");
    else if (c === 116) pieces.push("\t");
    else if (c === 114) pieces.push("\r");
    else if (c === 98) pieces.push("\b");
    else if (c === 102) pieces.push("\f");
    else pieces.push(String.fromCharCode(c));
    back = findByte(bytes, BACKSLASH, from, end);
  }
  if (from < end) pieces.push(decodeUtf8(bytes, from, end));
  return pieces.join("");
}
