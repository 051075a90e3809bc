import { byteAt, NO_BYTES, QUOTE, startsAscii } from "../../bytes.ts";
import { skipSpace, skipString, skipValue } from "../../json-scan.ts";

/**
 * Reads the events of a stream that add one text to one candidate and tell no reason, which are nearly all of them. They
 * come with their members in one order, so `scan` checks that order in one walk and builds nothing; whatever comes
 * otherwise goes the long way, as JSON.
 */
export class Delta {
  /** The candidate's. */
  index: i32 = 0;
  thought: boolean = false;
  /** What was added: the inside of a JSON string, in the bytes given. */
  start: i32 = 0;
  end: i32 = 0;
  /** The `usageMetadata` object; empty when there is none. */
  countsStart: i32 = 0;
  countsEnd: i32 = 0;

  private bytes: Uint8Array = NO_BYTES;
  private at: i32 = 0;
  private last: i32 = 0;

  /** Reads the event in `bytes[start, end)`; false when it is not such a one. */
  scan(bytes: Uint8Array, start: i32, end: i32): boolean {
    this.bytes = bytes;
    this.at = start;
    this.last = end;
    this.countsStart = 0;
    this.countsEnd = 0;
    return this.candidate() && this.rest();
  }

  private candidate(): boolean {
    if (!this.opens('"candidates"', 0x5b) || !this.opens('"content"', -1) || !this.opens('"parts"', 0x5b)) return false;
    if (!this.takes(0x7b) || !this.key('"text"')) return false;
    const text = this.at;
    if (!this.string()) return false;
    this.start = text + 1;
    this.end = this.at - 1;
    this.thought = this.takes(0x2c);
    if (this.thought && !(this.key('"thought"') && this.word("true"))) return false;
    if (!this.takes(0x7d) || !this.takes(0x5d)) return false;
    if (this.takes(0x2c) && !(this.key('"role"') && this.string())) return false;
    if (!this.takes(0x7d)) return false;
    this.index = 0;
    if (this.takes(0x2c) && !(this.key('"index"') && this.digit())) return false;
    return this.takes(0x7d) && this.takes(0x5d);
  }

  /** What stands behind the candidates: counts and names. */
  private rest(): boolean {
    while (this.takes(0x2c)) {
      if (this.key('"usageMetadata"')) {
        const to = this.countsEnd > 0 ? -1 : skipValue(this.bytes, this.at, this.last, 1);
        if (to < 0 || byteAt(this.bytes, this.at) !== 0x7b) return false;
        this.countsStart = this.at;
        this.countsEnd = to;
        this.at = to;
      } else if (!(this.key('"modelVersion"') || this.key('"responseId"')) || !this.string()) return false;
    }
    return this.takes(0x7d) && skipSpace(this.bytes, this.at, this.last) === this.last;
  }

  /** An object whose first member is `name`; what opens its value, unless that is -1, follows. */
  private opens(name: string, opener: i32): boolean {
    return this.takes(0x7b) && this.key(name) && (opener < 0 || this.takes(opener));
  }

  private takes(byte: i32): boolean {
    const at = skipSpace(this.bytes, this.at, this.last);
    if (at >= this.last || byteAt(this.bytes, at) !== byte) return false;
    this.at = at + 1;
    return true;
  }

  /** Takes a key (with its quotes) and its colon, and goes to its value. */
  private key(name: string): boolean {
    const at = skipSpace(this.bytes, this.at, this.last);
    if (!startsAscii(this.bytes, at, this.last, name)) return false;
    const colon = skipSpace(this.bytes, at + name.length, this.last);
    if (colon >= this.last || byteAt(this.bytes, colon) !== 0x3a) return false;
    this.at = skipSpace(this.bytes, colon + 1, this.last);
    return this.at < this.last;
  }

  private string(): boolean {
    if (byteAt(this.bytes, this.at) !== QUOTE) return false;
    const after = skipString(this.bytes, this.at, this.last);
    if (after < 0) return false;
    this.at = after;
    return true;
  }

  private word(name: string): boolean {
    if (!startsAscii(this.bytes, this.at, this.last, name)) return false;
    this.at += name.length;
    return true;
  }

  /** Candidates are few: what has more digits than one goes the long way. */
  private digit(): boolean {
    this.index = byteAt(this.bytes, this.at) - 48;
    this.at++;
    return this.index >= 0 && this.index <= 9;
  }
}
