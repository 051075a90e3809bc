/** A plugin server on a socket, and connections of a Kong to it that say exactly what a test wants. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "@msgpack/msgpack";
import { encodeAsKong } from "../../test/kong/msgpack.ts";
import { Host } from "../src/relay/host.ts";
import { Listener } from "../src/server/listener.ts";
import { MessageEnd } from "../src/server/message-end.ts";
import { PluginServer } from "../src/server/plugin-server.ts";

/** `[1, id, error, result]` */
export type Answer = [1, number, string | null, Record<string, unknown> | null];

export interface Told {
  EventId: number;
  Data: "ret" | { Method: string; Args: unknown[] };
}

export class KongSide {
  readonly host: Host;
  readonly plugins: PluginServer;
  readonly path: string;
  now = Date.now();
  /** What the server has said of faults. */
  readonly logged: string[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "oneapi-kong-test-"));
  readonly #listener: Listener;
  readonly #connections: Connection[] = [];

  constructor(controlUrl: string) {
    this.path = join(this.#folder, "plugin.sock");
    const log = (text: string) => this.logged.push(text);
    this.host = new Host({ controlUrl, token: "t", node: "kong", log, clock: () => this.now });
    this.plugins = new PluginServer(this.host);
    this.#listener = new Listener(this.plugins, log);
  }

  listen(): Promise<void> {
    return this.#listener.listen(this.path);
  }

  async connect(): Promise<Connection> {
    const socket = connect(this.path);
    await once(socket, "connect");
    const connection = new Connection(socket);
    this.#connections.push(connection);
    return connection;
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.socket.destroy();
    this.plugins.stop();
    this.#listener.close();
    this.#listener.cut();
    await this.host.stop();
    rmSync(this.#folder, { recursive: true });
  }
}

export class Connection {
  readonly socket: Socket;
  #bytes = Buffer.alloc(0);
  #lastId = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (part: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, part]);
    });
  }

  frame(method: string, argument: unknown): Buffer {
    return encodeAsKong([0, ++this.#lastId, method, [argument]]);
  }

  /** The next answer. */
  async next(): Promise<Answer> {
    for (;;) {
      const end = new MessageEnd(2 ** 31, 2 ** 31).find(this.#bytes, 0);
      if (end >= 0) {
        const answer = decode(this.#bytes.subarray(0, end));
        this.#bytes = this.#bytes.subarray(end);
        return answer as Answer;
      }
      await once(this.socket, "data", { signal: AbortSignal.timeout(10_000) });
    }
  }

  async call(method: string, argument: unknown): Promise<Answer> {
    this.socket.write(this.frame(method, argument));
    return await this.next();
  }

  /** The result of a call that must succeed. */
  async result<Result = Told>(method: string, argument: unknown): Promise<Result> {
    const [, , error, result] = await this.call(method, argument);
    if (error !== null) throw new Error(error);
    return result as Result;
  }

  /** The id of a new instance. */
  async start(config: object = {}): Promise<number> {
    const started = { Name: "oneapi", Config: JSON.stringify(config) };
    return (await this.result<{ Id: number }>("plugin.StartInstance", started)).Id;
  }
}
