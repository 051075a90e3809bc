/** Plays a vector through the relay over HTTP, between a stand-in for the control service and one server for all providers. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { Pool } from "undici";
import type { Cut, Outcome, Sent } from "../../shared/vectors/conformance.ts";
import { CLIENT_KEY, ControlStandIn } from "../../shared/vectors/control.ts";
import { NOW, type Vector } from "../../shared/vectors/load.ts";
import { asJson } from "../../shared/vectors/shape.ts";
import { Host } from "../src/relay/host.ts";
import { Relay } from "../src/relay/relay.ts";
import { TICKET_HEADER } from "../src/relay/tickets.ts";

const HOST = "127.0.0.1";
const NOTHING = Buffer.alloc(0);

export async function runInRelay(vector: Vector, cut: Cut): Promise<Outcome> {
  const run = new RelayRun(vector, cut);
  try {
    return await run.play();
  } finally {
    await run.stop();
  }
}

class RelayRun {
  readonly #vector: Vector;
  readonly #cut: Cut;
  readonly #standIn: ControlStandIn;
  readonly #control = createServer((message, answer) => void this.#sync(message, answer));
  readonly #provider = createServer((call, answer) => void this.#answer(call, answer));
  /** By the vector's pairs. */
  readonly #requests: Sent[] = [];
  #now = NOW * 1000;
  #host: Host | null = null;
  #relay: Relay | null = null;

  constructor(vector: Vector, cut: Cut) {
    this.#vector = vector;
    this.#cut = cut;
    this.#standIn = new ControlStandIn(vector);
  }

  async play(): Promise<Outcome> {
    const providers = new Pool(`http://${HOST}:${await listen(this.#provider)}`, { allowH2: false });
    const host = new Host({
      ...{ controlUrl: `http://${HOST}:${await listen(this.#control)}`, token: "token", node: "kong" },
      clock: () => this.#now,
      log: () => {},
      providers: { of: () => providers, keepOnly: () => {}, stop: () => providers.destroy() },
    });
    this.#host = host;
    this.#relay = new Relay(host);
    const client = await this.#call(await this.#relay.listen(HOST, 0), host.tickets.issue(this.#now));
    this.#now += 1000;
    // The record leaves with the next tick of the clock, if there is one.
    while (!host.settled) await turn();
    return { requests: this.#requests, client, records: this.#standIn.records };
  }

  async stop(): Promise<void> {
    this.#relay?.cut();
    this.#relay?.close();
    await this.#host?.stop();
    for (const server of [this.#control, this.#provider]) {
      server.closeAllConnections();
      server.close();
    }
  }

  async #call(port: number, ticket: string): Promise<Sent> {
    const { headers, method, path, body } = this.#vector.request;
    const given = { authorization: `Bearer ${CLIENT_KEY}`, ...headers, [TICKET_HEADER]: ticket };
    const sent = Object.entries(given).filter(([, value]) => value !== null);
    const call = request({
      ...{ host: HOST, port, method: method ?? "POST", path: path ?? "" },
      headers: { ...Object.fromEntries(sent), "content-length": body.length },
      agent: false,
    });
    call.end(body);
    const [answer] = (await once(call, "response")) as [IncomingMessage];
    const status = answer.statusCode ?? 0;
    return {
      method: "",
      path: "",
      status,
      headers: answer.headers as Record<string, string>,
      body: await whole(answer),
    };
  }

  async #sync(message: IncomingMessage, answer: ServerResponse): Promise<void> {
    const told = this.#standIn.answer(await whole(message));
    // A poll is held.
    if (told !== null) answer.end(told);
  }

  async #answer(call: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = call;
    const sent: Sent = {
      method,
      path: url,
      status: 0,
      headers: headers as Record<string, string>,
      body: await whole(call),
    };
    const pair = this.#pairOf(sent);
    this.#requests[pair] = sent;
    const script = this.#vector.attempts[pair]?.answers;
    if (script === undefined || script.status === 0) {
      call.socket.destroy();
      return;
    }
    const type = script.stream ? "text/event-stream" : "application/json";
    const told = Object.entries({ "content-type": type, ...script.headers }).filter(([, value]) => value !== null);
    answer.writeHead(script.status, Object.fromEntries(told) as Record<string, string>);
    for (const piece of this.#cut(script.body)) {
      await new Promise((written) => answer.write(piece, written));
      await turn();
    }
    answer.end();
  }

  /** The vector's next pair; of calls that are under way together, and arrive in any order, the one that tells of this. */
  #pairOf({ body }: Sent): number {
    const { attempts } = this.#vector;
    const open = [...attempts.keys()].filter((pair) => this.#requests[pair] === undefined);
    const told = open.find((pair) => {
      const sees = attempts[pair]?.sees;
      return sees?.body.equals(body) || (sees != null && isDeepStrictEqual(asJson(sees.body), asJson(body)));
    });
    return told ?? open[0] ?? attempts.length;
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((listening) => server.listen(0, HOST, listening));
  return (server.address() as AddressInfo).port;
}

async function whole(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return parts.length === 0 ? NOTHING : Buffer.concat(parts);
}
