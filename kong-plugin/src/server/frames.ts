import { decodeMultiStream, encode } from "@msgpack/msgpack";

/** `[0, id, method, arguments]` */
export interface Call {
  id: number;
  method: string;
  args: unknown[];
}

/** Headers and configurations are all that Kong sends; what is longer is none of it. */
const LONGEST = 4 * 1024 * 1024;
const MOST_ENTRIES = 100_000;
const LIMITS = {
  context: undefined,
  maxStrLength: LONGEST,
  maxBinLength: LONGEST,
  maxExtLength: LONGEST,
  maxArrayLength: MOST_ENTRIES,
  maxMapLength: MOST_ENTRIES,
};

/** The calls of a connection, however they are cut or joined on their way. Throws when something comes that is no call. */
export async function* readCalls(connection: AsyncIterable<Buffer>): AsyncGenerator<Call> {
  for await (const message of decodeMultiStream(connection, LIMITS)) yield asCall(message);
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
  return encode([1, id, null, result]);
}

export function encodeError(id: number, error: string): Uint8Array {
  return encode([1, id, error, null]);
}
