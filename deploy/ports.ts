import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Everything that `up` starts listens here only. */
export const HOST = "127.0.0.1";

/** How long a port may still be busy with a process that is just ending. */
const PATIENCE_MS = 2_000;

/** Finds ports, and holds each until all are found, so that no two are the same. */
export class PortFinder {
  private readonly held: Server[] = [];

  /**
   * The port, or a free one for 0. Rejects when it cannot be had, naming the flag by which the user chooses another.
   */
  async find(port: number, flag = ""): Promise<number> {
    const choice = flag && `; choose another one with ${flag} (0 picks a free one)`;
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const server = createServer();
      try {
        server.listen(port, HOST);
        await once(server, "listening");
        this.held.push(server);
        return (server.address() as { port: number }).port;
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === "EACCES") throw new Error(`port ${port} is not allowed for this user${choice}`);
        if (code !== "EADDRINUSE") throw new Error(`port ${port} cannot be used: ${message}${choice}`);
        if (performance.now() > deadline) throw new Error(`port ${port} is in use${choice}`);
        await sleep(100);
      }
    }
  }

  /** Lets the ports go, for the processes that are to listen on them. */
  async release(): Promise<void> {
    await Promise.all(this.held.splice(0).map((server) => once(server.close(), "close")));
  }
}
