import { ByteWriter } from "./byte-writer.ts";
import { Json } from "./json.ts";

/**
 * Writes JSON from left to right, with the commas put where they belong.
 *
 *     w.object().key("role").string("user").key("content").json(content).end()
 */
export class JsonWriter {
  readonly out: ByteWriter;
  /** Whether the next value or key needs a comma before it. */
  private comma: boolean = false;
  /** What closes each open container, innermost last. */
  private readonly closers: Array<i32> = new Array<i32>();

  constructor(out: ByteWriter) {
    this.out = out;
  }

  private separate(): void {
    if (this.comma) this.out.byte(0x2c);
    this.comma = true;
  }

  object(): JsonWriter {
    return this.open(0x7b, 0x7d);
  }

  array(): JsonWriter {
    return this.open(0x5b, 0x5d);
  }

  private open(opener: i32, closer: i32): JsonWriter {
    this.separate();
    this.out.byte(opener);
    this.closers.push(closer);
    this.comma = false;
    return this;
  }

  /** Closes the innermost open container. */
  end(): JsonWriter {
    if (this.closers.length > 0) this.out.byte(this.closers.pop() as i32);
    this.comma = true;
    return this;
  }

  /** An ASCII name that needs no escape. */
  key(name: string): JsonWriter {
    this.out.key(name, this.comma);
    this.comma = false;
    return this;
  }

  /** The key of a member, in its sender's spelling. */
  keyOf(member: Json): JsonWriter {
    this.separate();
    this.out.copy(member.source, member.keyStart - 1, member.keyEnd + 1).byte(0x3a);
    this.comma = false;
    return this;
  }

  string(text: string): JsonWriter {
    this.separate();
    this.out.quoted(text);
    return this;
  }

  /** A value in its sender's spelling. */
  json(value: Json): JsonWriter {
    this.separate();
    value.write(this.out);
    return this;
  }

  /** ASCII text that is JSON already, as it is. */
  raw(ascii: string): JsonWriter {
    this.separate();
    this.out.ascii(ascii);
    return this;
  }

  /** Bytes that are JSON already, as they are. */
  copy(source: Uint8Array, start: i32, end: i32): JsonWriter {
    this.separate();
    this.out.copy(source, start, end);
    return this;
  }

  int(value: i32): JsonWriter {
    this.separate();
    this.out.int(value);
    return this;
  }

  whole(value: f64): JsonWriter {
    this.separate();
    this.out.whole(value);
    return this;
  }

  bool(value: boolean): JsonWriter {
    return this.raw(value ? "true" : "false");
  }

  nil(): JsonWriter {
    return this.raw("null");
  }

  /** A string, or null for the empty text. */
  stringOrNull(text: string): JsonWriter {
    return text.length === 0 ? this.nil() : this.string(text);
  }
}
