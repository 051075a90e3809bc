/**
 * What only a provider and a client that share a clock can see: how long an event is on its way, that no two are joined,
 * and how soon a provider learns that the client has left.
 */
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { HOST } from "../../../deploy/ports.ts";
import { authorization } from "../envoys.ts";
import { quantile } from "../figure.ts";
import type { KongStand } from "./stand.ts";
import { TICKET_HEADER } from "./tickets.ts";

/** Something that was timed many times, in milliseconds; `limit` is for the median. */
export type Timed = { what: string; median: number; p99: number; most: number; limit: number | null };

export type Streams = { timed: Timed[]; events: number; joined: number };

const EVENTS = 50;
const GAP_MS = 4;
const EVENT_LIMIT_MS = 1;
const LEAVING_LIMIT_MS = 100;
const LEAVERS = 100;
const AUTHORIZATION = authorization("unlimited");

/** The upstream of the stand is gone afterwards: its port is taken for a provider that says when it sent what. */
export async function measureStreams(rounds: number, stand: KongStand): Promise<Streams> {
  await stand.upstream.stop();
  const provider = await ClockedProvider.start(stand.upstream.port);
  try {
    const direct = new Client(stand.upstream.port, null);
    const relayed = new Client(stand.relay.port, stand);
    // V8 has to compile the client and the provider too.
    for (const client of [direct, relayed]) await client.read(32, rounds, provider);
    const times = async (streams: number, turns: number) => ({
      direct: await direct.read(streams, turns, provider),
      relayed: await relayed.read(streams, turns, provider),
    });
    const [alone, many] = [await times(1, rounds * 4), await times(32, rounds)];
    const streaming = await leavingTimes(relayed, provider, false);
    const waiting = await leavingTimes(relayed, provider, true);
    const counted = [alone.relayed, many.relayed];
    return {
      timed: [
        timed("event, from the provider straight to the client", alone.direct.delays, null),
        timed("event, through the relay, 1 stream", alone.relayed.delays, EVENT_LIMIT_MS),
        timed("event, straight, 32 streams", many.direct.delays, null),
        timed("event, through the relay, 32 streams", many.relayed.delays, EVENT_LIMIT_MS),
        timed("client leaves in a stream: until the provider sees it", streaming, LEAVING_LIMIT_MS),
        timed("client leaves before the answer: until the provider sees it", waiting, LEAVING_LIMIT_MS),
      ],
      events: counted.reduce((sum, { delays }) => sum + delays.length, 0),
      joined: counted.reduce((sum, { joined }) => sum + joined, 0),
    };
  } finally {
    provider.stop();
  }
}

function timed(what: string, times: number[], limit: number | null): Timed {
  const sorted = times.toSorted((a, b) => a - b);
  return { what, median: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), most: sorted.at(-1) ?? Number.NaN, limit };
}

/** From the client's end to the provider's sight of it. */
async function leavingTimes(client: Client, provider: ClockedProvider, silent: boolean): Promise<number[]> {
  const times: number[] = [];
  for (let turn = 0; turn < LEAVERS; turn++) {
    const call = await client.call(silent ? "silent" : "stream");
    const asked = provider.nextCall();
    call.on("error", () => {});
    const [answer] = await Promise.all([silent ? null : (once(call, "response") as Promise<[IncomingMessage]>), asked]);
    if (answer !== null) await once(answer[0], "data");
    const left = performance.now();
    call.destroy();
    times.push((await (await asked).left) - left);
  }
  return times;
}

type Served = { left: Promise<number> };

class ClockedProvider {
  readonly #sent: { at: number; received(): void }[] = [];
  readonly #server = createServer((call, answer) => void this.#serve(call, answer));
  #called = Promise.withResolvers<Served>();

  static async start(port: number): Promise<ClockedProvider> {
    const provider = new ClockedProvider();
    provider.#server.listen(port, HOST);
    await once(provider.#server, "listening");
    return provider;
  }

  /** The next call that comes. */
  nextCall(): Promise<Served> {
    this.#called = Promise.withResolvers();
    return this.#called.promise;
  }

  async #serve(call: IncomingMessage, answer: ServerResponse): Promise<void> {
    const left = new Promise<number>((resolve) => answer.once("close", () => resolve(performance.now())));
    const parts: Buffer[] = [];
    for await (const part of call) parts.push(part as Buffer);
    this.#called.resolve({ left });
    if (Buffer.concat(parts).includes('"silent"')) return;
    answer.writeHead(200, { "content-type": "text/event-stream" });
    for (let event = 0; event < EVENTS && !answer.destroyed; event++) {
      const { promise: received, resolve } = Promise.withResolvers<void>();
      const number = this.#sent.length;
      const choice = `{"index":0,"delta":{"content":"<${number}>"},"finish_reason":null}`;
      const head = '"id":"c","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-mini"';
      this.#sent.push({ at: performance.now(), received: resolve });
      answer.write(`data: {${head},"choices":[${choice}]}\n\n`);
      // On a machine that is busy with other things two events would meet on their way: nobody could say who joined them.
      await Promise.race([received, left]);
      await sleep(GAP_MS);
    }
    answer.end("data: [DONE]\n\n");
  }

  /** The event with this number has come; answers when it was sent. The next one follows. */
  received(number: number): number {
    const { at, received } = this.#sent[number] ?? { at: Number.NaN, received: () => {} };
    received();
    return at;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

class Client {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port: number;
  readonly #stand: KongStand | null;

  /** `stand`: where tickets are to be had; null when none are needed. */
  constructor(port: number, stand: KongStand | null) {
    this.#port = port;
    this.#stand = stand;
  }

  async call(text: string) {
    const [ticket = ""] = (await this.#stand?.plugin.tickets(1, AUTHORIZATION)) ?? [];
    const headers = { authorization: AUTHORIZATION, "content-type": "application/json", [TICKET_HEADER]: ticket };
    const agent = this.#agent;
    const call = request({
      host: HOST,
      port: this.#port,
      path: "/v1/chat/completions",
      method: "POST",
      headers,
      agent,
    });
    call.end(JSON.stringify({ model: "chat", messages: [{ role: "user", content: text }], stream: true }));
    return call;
  }

  /** So many streams at a time, so often: how long each of their events was on its way, and how many came with another. */
  async read(streams: number, turns: number, provider: ClockedProvider) {
    const delays: number[] = [];
    let joined = 0;
    const one = async () => {
      const [answer] = (await once(await this.call("stream"), "response")) as [IncomingMessage];
      for await (const part of answer) {
        const now = performance.now();
        const numbers = [...(part as Buffer).toString().matchAll(/<(\d+)>/g)].map(([, number]) => Number(number));
        for (const number of numbers) delays.push(now - provider.received(number));
        joined += Math.max(0, numbers.length - 1);
      }
    };
    for (let turn = 0; turn < turns; turn++) {
      await Promise.all(
        Array.from({ length: streams }, async (_, index) => {
          // Not all at the same moment.
          await sleep((index * GAP_MS) / streams);
          await one();
        }),
      );
    }
    if (delays.length !== streams * turns * EVENTS) throw new Error(`${delays.length} events came`);
    return { delays, joined };
  }
}
