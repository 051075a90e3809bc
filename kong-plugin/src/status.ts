import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Host } from "./relay/host.ts";

/** `/healthz`, `/readyz` and `/metrics`, on a port of their own: what Kong passes on never gets here. */
export class Status {
  readonly #server: Server;

  constructor(host: Host) {
    this.#server = createServer((request, response) => {
      request.resume();
      const { url } = request;
      if (url === "/metrics") {
        response.setHeader("content-type", "text/plain; version=0.0.4; charset=utf-8");
        response.end(host.metrics.text());
        return;
      }
      if (url === "/healthz" || (url === "/readyz" && host.ready)) response.end("ok\n");
      else if (url === "/readyz") response.writeHead(503).end("the control service has not told the configuration\n");
      else response.writeHead(404).end("not found\n");
    });
  }

  /** Resolves with the port, once it listens. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
