import { ByteWriter } from "../../byte-writer.ts";
import { Json, STRING } from "../../json.ts";
import { hexValue } from "../../json-scan.ts";
import { JsonWriter } from "../../json-writer.ts";
import { SIGNATURE_MARK } from "../../signed-ids.ts";
import { decodeUtf8 } from "../../text.ts";

/** What stands for a signature that is lost: the call was made by another model, or the client changed its id. */
export const NO_SIGNATURE: string = "skip_thought_signature_validator";

/**
 * A tool call's id as the client returns it, taken apart. A call's thought signature must come back with the call in the
 * next turn, but a client of OpenAI's API only returns the call's id. So the id carries it: `ID__thought__SIGNATURE`, where
 * each byte of the signature that is no letter, digit or `-` is spelled `_` and two hexadecimal digits, which every API
 * takes in an id.
 * @see https://ai.google.dev/gemini-api/docs/thought-signatures
 */
export class CallId {
  readonly id: string;
  /** Empty for none. */
  readonly signature: string;

  constructor(text: string) {
    const at = text.lastIndexOf(SIGNATURE_MARK);
    this.id = at < 0 ? text : text.substring(0, at);
    this.signature = at < 0 ? "" : decode(text, at + SIGNATURE_MARK.length);
  }
}

/** Writes the id that the client gets: the provider's, or `otherwise` when it gave none, with the signature if there is one. */
export function writeCallId(id: Json | null, otherwise: string, signature: Json | null, w: JsonWriter): void {
  const own = id != null && id.kind === STRING ? id.text() : "";
  const out = w.raw('"').out;
  out.escaped(own.length > 0 ? own : otherwise);
  if (signature != null && signature.kind === STRING && !signature.isEmpty())
    encode(signature.text(), out.ascii(SIGNATURE_MARK));
  out.byte(0x22);
}

function encode(text: string, out: ByteWriter): void {
  const plain = new ByteWriter(text.length);
  plain.text(text);
  for (let i: i32 = 0; i < plain.length; i++) {
    const c = plain.bytes[i] as i32;
    if (isPlain(c)) out.byte(c);
    else
      out
        .byte(0x5f)
        .byte(hexDigit(c >> 4))
        .byte(hexDigit(c & 15));
  }
}

function decode(text: string, from: i32): string {
  const out = new ByteWriter(text.length - from);
  let at = from;
  while (at < text.length) {
    const c = text.charCodeAt(at);
    const high: i32 = c === 0x5f && at + 2 < text.length ? hexValue(text.charCodeAt(at + 1)) : -1;
    const low: i32 = high < 0 ? -1 : hexValue(text.charCodeAt(at + 2));
    if (low >= 0) {
      out.byte((high << 4) | low);
      at += 3;
    } else {
      out.byte(c < 0x80 ? c : 0x5f);
      at++;
    }
  }
  return decodeUtf8(out.bytes, 0, out.length);
}

function isPlain(c: i32): boolean {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 0x2d;
}

function hexDigit(value: i32): i32 {
  return value < 10 ? 48 + value : 87 + value;
}
