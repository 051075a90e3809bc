import { asciiText, byteAt, equalsAsciiFolded, findByte, startsAscii } from "./bytes.ts";
import { decodeUtf8, encodeUtf8 } from "./text.ts";

/** More parts than any API has. */
const MOST_PARTS: i32 = 64;
/** RFC 2046 allows no more. */
const LONGEST_BOUNDARY: i32 = 70;
const LONGEST_HEADERS: i32 = 4096;
/** The most bytes of a field that is text. */
const LONGEST_TEXT: i32 = 1024 * 1024;

const FORM_TYPE: string = "multipart/form-data";
const CR: i32 = 13;
const LF: i32 = 10;

/** A field of a form, as spans of its body. */
export class FormPart {
  readonly name: string;
  /** It has a file's name: it is bytes, not text. */
  readonly isFile: boolean;
  /** Its content type as the sender told it, or empty. */
  readonly type: string;
  readonly source: Uint8Array;
  /** Where its headers begin, right behind its boundary's line. */
  readonly headStart: i32;
  readonly start: i32;
  readonly end: i32;

  constructor(name: string, isFile: boolean, type: string, source: Uint8Array, headStart: i32, start: i32, end: i32) {
    this.name = name;
    this.isFile = isFile;
    this.type = type;
    this.source = source;
    this.headStart = headStart;
    this.start = start;
    this.end = end;
  }

  /** Whether it is an image to be worked on, of one or several. */
  isImage(): boolean {
    return this.isFile && (this.name === "image" || this.name.startsWith("image["));
  }

  text(): string {
    return decodeUtf8(this.source, this.start, this.end);
  }
}

/**
 * A body of `multipart/form-data` (RFC 7578), read where it lies. What two readers could cut at different places, or name
 * differently, is refused: the one that decides who serves and pays is not the one that serves.
 */
export class Form {
  readonly boundary: string;
  readonly parts: Array<FormPart> = new Array<FormPart>();
  /** What is wrong with the body; empty when nothing is. */
  wrong: string = "";

  private readonly source: Uint8Array;

  constructor(source: Uint8Array, boundary: string) {
    this.source = source;
    this.boundary = boundary;
    this.read();
  }

  /** The content type for a request with the same boundary. */
  contentType(): string {
    for (let i: i32 = 0; i < this.boundary.length; i++) {
      // RFC 9110, 5.6.2: what is no token stands in quotes.
      const c = this.boundary.charCodeAt(i);
      if (c === 0x28 || c === 0x29 || c === 0x2c || c === 0x2f || c === 0x3a || c === 0x3d || c === 0x3f) {
        return FORM_TYPE + '; boundary="' + this.boundary + '"';
      }
    }
    return FORM_TYPE + "; boundary=" + this.boundary;
  }

  /** The part of this name that comes first, or null. */
  part(name: string): FormPart | null {
    for (let i: i32 = 0; i < this.parts.length; i++) {
      if (this.parts[i]!.name === name) return this.parts[i]!;
    }
    return null;
  }

  private read(): void {
    const source = this.source;
    const end = source.length;
    const delimiter = "--" + this.boundary;
    if (!startsAscii(source, 0, end, delimiter)) {
      this.wrong = "The body does not begin with its boundary.";
      return;
    }
    let at = this.lineAfter(delimiter.length);
    while (at >= 0 && this.wrong.length === 0) {
      const headStart = at;
      const start = this.endOfHeaders(at);
      if (start < 0) {
        this.wrong = "A part of the body has no proper headers.";
        return;
      }
      const next = this.nextDelimiter(start, delimiter);
      if (next < 0) return;
      this.add(headStart, start, next);
      at = this.lineAfter(next + 2 + delimiter.length);
    }
  }

  /** Where the line of a delimiter that ends at `at` is over; -1 when it is the last one, or none (`wrong`). */
  private lineAfter(at: i32): i32 {
    const source = this.source;
    const end = source.length;
    if (startsAscii(source, at, end, "\r\n")) return at + 2;
    if (!startsAscii(source, at, end, "--")) {
      this.wrong = "A boundary in the body is not on a line of its own.";
      return -1;
    }
    const rest = at + 2;
    if (rest !== end && !(rest + 2 === end && startsAscii(source, rest, end, "\r\n"))) {
      this.wrong = "The body goes on behind its last boundary.";
    }
    return -1;
  }

  /** Where the headers that start at `at` are over, their blank line included; -1 when they are not. */
  private endOfHeaders(at: i32): i32 {
    const source = this.source;
    const end = source.length < at + LONGEST_HEADERS ? source.length : at + LONGEST_HEADERS;
    while (at < end) {
      const line = findByte(source, LF, at, end);
      if (line <= at || byteAt(source, line - 1) !== CR) return -1;
      if (line - 1 === at) return line + 1;
      at = line + 1;
    }
    return -1;
  }

  /**
   * Where the line end before the next delimiter is, from `from` on, where a part's content starts; -1 when there is none, or
   * one that not all readers see (`wrong`).
   */
  private nextDelimiter(from: i32, delimiter: string): i32 {
    const source = this.source;
    const end = source.length;
    let at = from - 1;
    while (at >= 0) {
      if (startsAscii(source, at + 1, end, delimiter)) {
        if (at > from && byteAt(source, at - 1) === CR) return at - 1;
        this.wrong = "A boundary in the body does not follow a line end.";
        return -1;
      }
      at = findByte(source, LF, at + 1, end);
    }
    this.wrong = "The body ends before its last boundary.";
    return -1;
  }

  private add(headStart: i32, start: i32, end: i32): void {
    if (this.parts.length >= MOST_PARTS) {
      this.wrong = "The body has too many parts.";
      return;
    }
    const head = new PartHead(this.source, headStart, start - 2);
    if (head.name.length === 0) {
      this.wrong = "A part of the body has no name that all readers understand alike.";
      return;
    }
    if (!head.isFile && end - start > LONGEST_TEXT) {
      this.wrong = "The field `" + head.name + "` is too long.";
      return;
    }
    this.parts.push(new FormPart(head.name, head.isFile, head.type, this.source, headStart, start, end));
  }
}

/** What the headers of a part say. */
class PartHead {
  /** Empty when it is missing, stands twice, or is spelled in a way that not all readers decode alike. */
  name: string = "";
  isFile: boolean = false;
  type: string = "";

  private readonly source: Uint8Array;

  constructor(source: Uint8Array, start: i32, end: i32) {
    this.source = source;
    if (!this.read(start, end)) this.name = "";
  }

  /** Whether what the headers say is beyond doubt. */
  private read(start: i32, end: i32): boolean {
    const source = this.source;
    let disposed: i32 = 0;
    let at = start;
    while (at < end) {
      const line = findByte(source, LF, at, end) - 1;
      const colon = findByte(source, 0x3a, at, line);
      if (line < at || colon <= at || isBlank(source, at) || isBlank(source, colon - 1)) return false;
      if (equalsAsciiFolded(source, at, colon, "content-disposition")) {
        disposed++;
        if (!this.dispose(colon + 1, line)) return false;
      } else if (equalsAsciiFolded(source, at, colon, "content-type")) {
        this.type = decodeUtf8(source, skipBlank(source, colon + 1, line), line);
      } else if (equalsAsciiFolded(source, at, colon, "content-transfer-encoding")) {
        const value = skipBlank(source, colon + 1, line);
        // Any other would have to be decoded, which not all readers do.
        const plain =
          equalsAsciiFolded(source, value, line, "binary") || equalsAsciiFolded(source, value, line, "8bit");
        if (!plain) return false;
      }
      at = line + 2;
    }
    return disposed === 1;
  }

  /** Reads `form-data; name="…"; filename="…"`; false when all of it is not just that. */
  private dispose(start: i32, end: i32): boolean {
    const source = this.source;
    let at = skipBlank(source, start, end);
    if (!startsAscii(source, at, end, "form-data")) return false;
    let names: i32 = 0;
    at = skipBlank(source, at + 9, end);
    while (at < end) {
      if (byteAt(source, at) !== 0x3b) return false;
      const from = skipBlank(source, at + 1, end);
      const equals = findByte(source, 0x3d, from, end);
      if (equals < 0) return false;
      const quoted = equals + 1 < end && byteAt(source, equals + 1) === 0x22;
      const valueStart: i32 = quoted ? equals + 2 : equals + 1;
      const close = findByte(source, quoted ? 0x22 : 0x3b, valueStart, end);
      if (quoted && close < 0) return false;
      const valueEnd: i32 = close < 0 ? end : close;
      if (equalsAsciiFolded(source, from, equals, "name")) {
        if (!isPlainName(source, valueStart, valueEnd)) return false;
        names++;
        this.name = decodeUtf8(source, valueStart, valueEnd);
      } else if (equalsAsciiFolded(source, from, equals, "filename")) this.isFile = true;
      else if (equalsAsciiFolded(source, from, equals, "filename*")) this.isFile = true;
      else return false;
      at = skipBlank(source, quoted ? valueEnd + 1 : valueEnd, end);
    }
    return names === 1;
  }
}

function isBlank(source: Uint8Array, at: i32): boolean {
  const c = byteAt(source, at);
  return c === 0x20 || c === 9;
}

function skipBlank(source: Uint8Array, from: i32, end: i32): i32 {
  let at = from;
  while (at < end && isBlank(source, at)) at++;
  return at;
}

/** Whether the name needs no decoding: letters, digits, and what APIs put into names. */
function isPlainName(source: Uint8Array, start: i32, end: i32): boolean {
  for (let at = start; at < end; at++) {
    const c = byteAt(source, at);
    const letter = (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57);
    if (!letter && c !== 0x5f && c !== 0x2d && c !== 0x2e && c !== 0x5b && c !== 0x5d) return false;
  }
  return end > start;
}

/**
 * The boundary that a content type of `multipart/form-data` names; empty when it is of another type, or names none that all
 * readers understand alike.
 */
export function boundaryOf(contentType: string): string {
  const bytes = encodeUtf8(contentType);
  const end = bytes.length;
  let at = endOfParameter(bytes, 0);
  if (!equalsAsciiFolded(bytes, skipBlank(bytes, 0, at), trimEnd(bytes, 0, at), FORM_TYPE)) return "";
  let boundary = "";
  while (at < end) {
    const from = skipBlank(bytes, at + 1, end);
    at = endOfParameter(bytes, from);
    if (from + 9 > at || !equalsAsciiFolded(bytes, from, from + 9, "boundary=")) continue;
    if (boundary.length > 0) return "";
    boundary = boundaryIn(bytes, from + 9, trimEnd(bytes, from, at));
    if (boundary.length === 0) return "";
  }
  return boundary;
}

/** Whether a content type is that of a form, with or without a boundary. */
export function isFormType(contentType: string): boolean {
  const bytes = encodeUtf8(contentType);
  const end = endOfParameter(bytes, 0);
  return equalsAsciiFolded(bytes, skipBlank(bytes, 0, end), trimEnd(bytes, 0, end), FORM_TYPE);
}

/** Where the parameter that starts at `from` ends: at a semicolon, or with the bytes. */
function endOfParameter(bytes: Uint8Array, from: i32): i32 {
  const at = findByte(bytes, 0x3b, from, bytes.length);
  return at < 0 ? bytes.length : at;
}

function trimEnd(bytes: Uint8Array, start: i32, end: i32): i32 {
  let at = end;
  while (at > start && isBlank(bytes, at - 1)) at--;
  return at;
}

/** The boundary spelled in `bytes[start, end)`, with quotes or without; empty when it is none. */
function boundaryIn(bytes: Uint8Array, start: i32, end: i32): string {
  let from = start;
  let to = end;
  if (to - from > 2 && byteAt(bytes, from) === 0x22 && byteAt(bytes, to - 1) === 0x22) {
    from++;
    to--;
  }
  if (to - from > LONGEST_BOUNDARY) return "";
  for (let at = from; at < to; at++) {
    if (!isBoundaryCharacter(byteAt(bytes, at))) return "";
  }
  return asciiText(bytes, from, to);
}

/** RFC 2046, 5.1.1, without the space. */
function isBoundaryCharacter(c: i32): boolean {
  if ((c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57)) return true;
  // ' ( ) + , - . / : = ? _
  return (c >= 0x27 && c <= 0x29) || (c >= 0x2b && c <= 0x2f) || c === 0x3a || c === 0x3d || c === 0x3f || c === 0x5f;
}
