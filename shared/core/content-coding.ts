import { ByteWriter } from "./byte-writer.ts";
import { Gunzip } from "./gzip.ts";

/** A peak of one large chunk is not kept. */
const LARGEST_IDLE: i32 = 64 * 1024;

/**
 * The bytes of an answer that is compressed though it was asked for as it is: some servers and the proxies before them
 * compress whatever they are told. gzip is read; of anything else only the name can be told.
 */
export class ContentCoding {
  /** Why the answer cannot be read (any further); empty while it can. */
  fault: string = "";
  private readonly gunzip: Gunzip | null;
  private readonly plain: ByteWriter = new ByteWriter(0);

  constructor(gunzip: Gunzip | null) {
    this.gunzip = gunzip;
    if (gunzip == null) this.fault = "The provider's answer is compressed in a way that was not asked for.";
  }

  /** What the next bytes tell, at most `limit` bytes; good until the next call. `last`: none will follow. */
  decode(chunk: Uint8Array, length: i32, last: boolean, limit: i32): ByteWriter {
    const plain = this.plain;
    plain.clear();
    if (plain.bytes.length > LARGEST_IDLE) plain.shrink(0);
    const gunzip = this.gunzip;
    if (gunzip == null || this.fault.length > 0) return plain;
    gunzip.push(chunk, length, limit, plain);
    if (gunzip.broken) this.fault = "The provider's answer cannot be decompressed.";
    else if (last && !gunzip.complete) this.fault = "The provider's answer ended before it was complete.";
    return plain;
  }
}

/**
 * How to read an answer with this `content-encoding`, a list of names in any case; null when it is not compressed.
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-content-encoding
 */
export function contentCodingOf(header: string): ContentCoding | null {
  if (header.length === 0) return null;
  const names = header.toLowerCase().split(",");
  let codings: i32 = 0;
  let known = true;
  for (let i: i32 = 0; i < names.length; i++) {
    const name = names[i]!.trim();
    if (name.length === 0 || name === "identity") continue;
    codings++;
    if (name !== "gzip" && name !== "x-gzip") known = false;
  }
  if (codings === 0) return null;
  return new ContentCoding(known && codings === 1 ? new Gunzip() : null);
}

/** A whole answer of at most `limit` bytes whose head is not known: its first bytes tell of gzip, as no JSON begins so. */
export function plainBody(body: Uint8Array, limit: i32): Uint8Array {
  if (body.length < 2 || (body[0] as i32) !== 0x1f || (body[1] as i32) !== 0x8b) return body;
  const coding = new ContentCoding(new Gunzip());
  const plain = coding.decode(body, body.length, true, limit);
  return coding.fault.length > 0 ? body : plain.take();
}
