/** Kong's calls of a plugin server: one at a time on a connection, connections kept for the next call. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { decode } from "@msgpack/msgpack";
import { encodeAsKong } from "./msgpack.ts";

/** Kong's `lua_socket_read_timeout`. */
const ANSWER_MS = 60_000;

/** The plugin server said that something is wrong. */
export class RpcError extends Error {}

export class PluginRpc {
  readonly #path: string;
  readonly #answerMs: number;
  readonly #idle: Socket[] = [];
  #lastId = 0;

  /** `answerMs`: how long an answer may take. */
  constructor(path: string, answerMs = ANSWER_MS) {
    this.#path = path;
    this.#answerMs = answerMs;
  }

  /** The result. Rejects with {@link RpcError} for an error of the server, with another error when there is no answer. */
  async call(method: string, argument: unknown): Promise<unknown> {
    const connection = this.#idle.pop() ?? (await this.#connect());
    const id = ++this.#lastId;
    connection.write(encodeAsKong([0, id, method, [argument]]));
    const message = await this.#read(connection);
    connection.pause();
    this.#idle.push(connection);
    const [type, answered, error, result] = message as [number, number, string | null, unknown];
    if (type !== 1 || answered !== id) throw new Error(`an answer to another call: ${JSON.stringify(message)}`);
    if (error !== null) throw new RpcError(error);
    return result;
  }

  async #connect(): Promise<Socket> {
    const connection = connect(this.#path);
    await once(connection, "connect");
    connection.on("error", () => {});
    connection.once("close", () => {
      const at = this.#idle.indexOf(connection);
      if (at >= 0) this.#idle.splice(at, 1);
    });
    return connection;
  }

  /** One message, read until it is complete: nothing on the wire tells its length. */
  #read(connection: Socket): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = [];
      const timer = setTimeout(() => connection.destroy(new Error("timeout")), this.#answerMs);
      const end = (act: () => void) => {
        clearTimeout(timer);
        connection.off("data", take).off("close", lost);
        act();
      };
      const lost = () => end(() => reject(new Error("no data")));
      const take = (part: Buffer) => {
        parts.push(part);
        try {
          const message = decode(Buffer.concat(parts));
          end(() => resolve(message));
        } catch (error) {
          if (!(error instanceof RangeError)) connection.destroy();
        }
      };
      connection.on("data", take).once("close", lost);
      connection.resume();
    });
  }

  close(): void {
    for (const connection of this.#idle) connection.destroy();
  }
}
