import { Decoder, Encoder } from "@msgpack/msgpack";
import { MessageEnd } from "./message-end.ts";

/** `[0, id, method, arguments]` */
export interface Call {
  id: number;
  method: string;
  args: unknown[];
}

/** Headers and configurations are all that Kong sends; what is longer is none of it. */
const LONGEST = 4 * 1024 * 1024;
const MOST_ENTRIES = 100_000;
// One of each for all connections: they keep nothing from one message to the next.
const decoder = new Decoder(undefined, undefined, LONGEST, LONGEST, MOST_ENTRIES, MOST_ENTRIES, LONGEST);
const encoder = new Encoder();

/** The calls of one connection. */
export class CallReader {
  readonly #end = new MessageEnd(LONGEST);
  /** Of the call whose end is not here yet. */
  #parts: Uint8Array[] = [];
  #size = 0;

  /** The calls that end in these bytes, however they are cut or joined on their way. Throws when something comes that is no call. */
  *take(bytes: Uint8Array): Generator<Call> {
    let at = 0;
    for (let end = this.#end.find(bytes, at); end >= 0; end = this.#end.find(bytes, at)) {
      this.#keep(bytes.subarray(at, end));
      at = end;
      const parts = this.#parts;
      this.#parts = [];
      this.#size = 0;
      yield asCall(decoder.decode(parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)));
    }
    if (at < bytes.length) this.#keep(bytes.subarray(at));
  }

  #keep(part: Uint8Array): void {
    this.#size += part.length;
    if (this.#size > LONGEST) throw new Error("a message that is too long");
    this.#parts.push(part);
  }
}

function asCall(message: unknown): Call {
  if (!Array.isArray(message) || message.length !== 4) throw new Error("a message that is no call");
  const [type, id, method, args] = message as unknown[];
  if (type !== 0 || typeof id !== "number" || typeof method !== "string" || !Array.isArray(args)) {
    throw new Error("a message that is no call");
  }
  return { id, method, args };
}

export function encodeResult(id: number, result: unknown): Uint8Array {
  return encoder.encode([1, id, null, result]);
}

export function encodeError(id: number, error: string): Uint8Array {
  return encoder.encode([1, id, error, null]);
}
