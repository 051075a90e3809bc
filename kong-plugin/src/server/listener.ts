import { once } from "node:events";
import { chmod, unlink } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { type Call, CallReader, encodeError, encodeResult } from "./frames.ts";
import type { PluginServer } from "./plugin-server.ts";

/** Kong's workers run as another user perhaps, of the same group. */
const SOCKET_MODE = 0o660;

/** The unix socket that Kong speaks to. */
export class Listener {
  readonly #plugins: PluginServer;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #log: (text: string) => void;

  constructor(plugins: PluginServer, log: (text: string) => void) {
    this.#plugins = plugins;
    this.#log = log;
    this.#server = createServer((connection) => this.#serve(connection));
  }

  #serve(connection: Socket): void {
    const calls = new CallReader();
    this.#connections.add(connection);
    connection.on("error", () => {});
    connection.on("close", () => this.#connections.delete(connection));
    connection.on("drain", () => connection.resume());
    connection.on("data", (bytes) => {
      try {
        for (const call of calls.take(bytes)) void this.#answer(connection, call);
      } catch (error) {
        // Only this connection is out of step; Kong opens another.
        this.#log(`a connection of Kong's is closed: ${(error as Error).message}`);
        connection.destroy();
      }
    });
  }

  async #answer(connection: Socket, { id, method, args }: Call): Promise<void> {
    const answer = await this.#plugins.answer({ id, method, args }).then(
      (result) => encodeResult(id, result),
      (error: Error) => encodeError(id, error.message),
    );
    // Who does not take its answers is not read either.
    if (!connection.destroyed && !connection.write(answer)) connection.pause();
  }

  /** Rejects when another process listens there; what one that is gone has left is removed. */
  async listen(path: string): Promise<void> {
    if (await answers(path)) throw new Error(`another process listens on ${path}`);
    await unlink(path).catch(() => {});
    this.#server.listen(path);
    await once(this.#server, "listening");
    await chmod(path, SOCKET_MODE);
  }

  /** Takes no new connections. */
  close(): void {
    this.#server.close();
  }

  cut(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => resolve(true)).once("error", () => resolve(false));
    probe.once("connect", () => probe.destroy());
  });
}
