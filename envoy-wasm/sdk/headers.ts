import { ByteWriter } from "../../shared/core/byte-writer";
import { equalsAscii } from "../../shared/core/bytes";
import { decodeUtf8 } from "../../shared/core/text";
import { scratchBytes } from "./memory";

/** A map of headers as the host hands it over: a count, the sizes of all names and values, then these, each with a NUL. */
export class HeaderMap {
  private readonly bytes: Uint8Array = scratchBytes();
  readonly count: i32;
  /** Where the entry that was found lies in `source`. */
  valueStart: i32 = 0;
  valueEnd: i32 = 0;

  constructor(size: i32) {
    this.count = size < 4 ? 0 : load<i32>(this.bytes.dataStart);
  }

  get source(): Uint8Array {
    return this.bytes;
  }

  /** Finds the first header of this name (lower case); false when there is none. */
  find(name: string): bool {
    const base = this.bytes.dataStart;
    let at = 4 + this.count * 8;
    for (let i = 0; i < this.count; i++) {
      const nameSize = load<i32>(base + 4 + i * 8);
      const valueSize = load<i32>(base + 8 + i * 8);
      if (nameSize == name.length && equalsAscii(this.bytes, at, at + nameSize, name)) {
        this.valueStart = at + nameSize + 1;
        this.valueEnd = this.valueStart + valueSize;
        return true;
      }
      at += nameSize + valueSize + 2;
    }
    return false;
  }

  /** The header's value, or empty. */
  value(name: string): string {
    return this.find(name) ? decodeUtf8(this.bytes, this.valueStart, this.valueEnd) : "";
  }

  /** The header's value, which must be digits; 0 when it is absent. */
  int(name: string): i32 {
    if (!this.find(name)) return 0;
    let value = 0;
    for (let at = this.valueStart; at < this.valueEnd; at++) value = value * 10 + ((this.bytes[at] as i32) - 48);
    return value;
  }

  /** Adds to `out` every entry whose name `keep` holds. */
  copyOnly(keep: HeaderNames, out: HeaderMapWriter): void {
    const base = this.bytes.dataStart;
    let at = 4 + this.count * 8;
    for (let i = 0; i < this.count; i++) {
      const nameSize = load<i32>(base + 4 + i * 8);
      const valueSize = load<i32>(base + 8 + i * 8);
      if (keep.holds(this.bytes, at, at + nameSize)) out.copy(this.bytes, at, nameSize, valueSize);
      at += nameSize + valueSize + 2;
    }
  }

  /** Whether every entry's name is one of `names`. */
  isWithin(names: HeaderNames): bool {
    const base = this.bytes.dataStart;
    let at = 4 + this.count * 8;
    for (let i = 0; i < this.count; i++) {
      const nameSize = load<i32>(base + 4 + i * 8);
      if (!names.holds(this.bytes, at, at + nameSize)) return false;
      at += nameSize + load<i32>(base + 8 + i * 8) + 2;
    }
    return true;
  }
}

/** A set of header names, and of beginnings of names. */
export class HeaderNames {
  constructor(
    private readonly names: string[],
    private readonly prefixes: string[],
  ) {}

  holds(bytes: Uint8Array, start: i32, end: i32): bool {
    for (let i = 0; i < this.names.length; i++) {
      if (equalsAscii(bytes, start, end, this.names[i])) return true;
    }
    for (let i = 0; i < this.prefixes.length; i++) {
      const prefix = this.prefixes[i];
      if (end - start >= prefix.length && equalsAscii(bytes, start, start + prefix.length, prefix)) return true;
    }
    return false;
  }
}

/** The most headers that are written; Envoy takes 100 from a client. */
const MOST_HEADERS: i32 = 128;

/** Writes a map of headers in the host's form. Used over and over, it allocates nothing. */
export class HeaderMapWriter {
  private count: i32 = 0;
  private readonly sizes: StaticArray<i32> = new StaticArray<i32>(MOST_HEADERS * 2);
  private readonly data: ByteWriter = new ByteWriter(2048);
  private readonly whole: ByteWriter = new ByteWriter(4096);

  clear(): HeaderMapWriter {
    this.count = 0;
    this.data.clear();
    return this;
  }

  private close(nameSize: i32, valueSize: i32): HeaderMapWriter {
    if (this.count == MOST_HEADERS) return this;
    this.sizes[this.count * 2] = nameSize;
    this.sizes[this.count * 2 + 1] = valueSize;
    this.count++;
    return this;
  }

  /** An ASCII name and any text. */
  add(name: string, value: string): HeaderMapWriter {
    this.data.ascii(name).byte(0);
    const from = this.data.length;
    this.data.text(value);
    const size = this.data.length - from;
    this.data.byte(0);
    return this.close(name.length, size);
  }

  addInt(name: string, value: i32): HeaderMapWriter {
    this.data.ascii(name).byte(0);
    const from = this.data.length;
    this.data.int(value);
    const size = this.data.length - from;
    this.data.byte(0);
    return this.close(name.length, size);
  }

  /** An entry of another map: its name at `at`, then its value, each with a NUL. */
  copy(source: Uint8Array, at: i32, nameSize: i32, valueSize: i32): HeaderMapWriter {
    this.data.copy(source, at, at + nameSize + valueSize + 2);
    return this.close(nameSize, valueSize);
  }

  /** The map, in [0, length) of the writer; good until the next call. */
  done(): ByteWriter {
    const sizes = changetype<usize>(this.sizes);
    const whole = this.whole.clear().word(this.count);
    for (let i = 0; i < this.count * 2; i++) whole.word(load<i32>(sizes + (i << 2)));
    return whole.writer(this.data);
  }
}
