import { Decoder, Encoder } from "@msgpack/msgpack";
import { ByteWriter } from "@oneapi/core";
import { MessageEnd } from "./message-end.ts";

/** `[0, id, method, arguments]` */
export interface Call {
  id: number;
  method: string;
  args: unknown[];
}

/** Headers and configurations are all that Kong sends; what is longer is none of it. */
export const LONGEST_MESSAGE = 4 * 1024 * 1024;
/** Most values in a message, one in another. A header takes three, and Kong sends a thousand at most. */
export const MOST_VALUES = 100_000;
// One of each for all connections: they keep nothing from one message to the next.
const decoder = new Decoder();
const encoder = new Encoder();

/** The calls of one connection. */
export class CallReader {
  readonly #end = new MessageEnd(LONGEST_MESSAGE, MOST_VALUES);
  /** What has come of the call whose end is not here yet. */
  readonly #held = new ByteWriter(0);

  /** The calls that end in these bytes, however they are cut or joined on their way. Throws when something comes that is no call. */
  *take(bytes: Uint8Array): Generator<Call> {
    let at = 0;
    for (let end = this.#end.find(bytes, at); end >= 0; end = this.#end.find(bytes, at)) {
      const whole = this.#whole(bytes, at, end);
      at = end;
      yield asCall(decoder.decode(whole));
    }
    if (at < bytes.length) this.#keep(bytes, at, bytes.length);
  }

  /** The whole call that ends in these bytes. */
  #whole(bytes: Uint8Array, from: number, to: number): Uint8Array {
    if (this.#held.length === 0) return bytes.subarray(from, to);
    this.#keep(bytes, from, to);
    const whole = this.#held.take();
    this.#held.shrink(0);
    return whole;
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    if (this.#held.length + to - from > LONGEST_MESSAGE) throw new Error("a message that is too long");
    this.#held.copy(bytes, from, to);
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
