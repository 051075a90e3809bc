import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { unavailable } from "@oneapi/core";
import { sendProblem } from "./answer.ts";
import { Call } from "./call.ts";
import { single } from "./credentials.ts";
import type { Host } from "./host.ts";
import { TICKET_HEADER } from "./tickets.ts";

/** Kong closes a connection that it has not used for a minute; were it the relay, a call could be on its way already. */
const KEEP_ALIVE_MS = 90_000;
/** What Kong lets through, and its own headers. */
const MOST_HEADER_BYTES = 64 * 1024;

/** The upstream that Kong's Service names: serves calls that carry a ticket of the plugin, and nobody else. */
export class Relay {
  readonly #host: Host;
  readonly #server: Server;

  constructor(host: Host) {
    this.#host = host;
    this.#server = createServer(
      { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0, maxHeaderSize: MOST_HEADER_BYTES },
      (request, response) => this.#serve(request, response),
    );
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const ticket = single(request.headers[TICKET_HEADER]);
    const wishes = this.#host.tickets.redeem(ticket, this.#host.clock());
    if (wishes !== null) {
      new Call(this.#host, request, response, wishes).start();
      return;
    }
    this.#host.metrics.withoutTicket++;
    const message = "The gateway's plugin did not run for this request, so it cannot be served; try again.";
    request.resume();
    sendProblem(response, unavailable(message, "plugin_unavailable"), {});
  }

  /** Resolves with the port, once it listens. Rejects when it cannot be had. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Takes no new connections, and ends those that carry no call. */
  close(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  /** Ends every call that is still under way. */
  cut(): void {
    this.#server.closeAllConnections();
  }
}
