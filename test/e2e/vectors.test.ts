/**
 * The golden cases through the real gateway and the real control service: every vector is a model of its own, all of them
 * in one configuration. Several run side by side, each with a stage of its own in the place of its providers.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll } from "vitest";
import { type Cut, conformance, type Outcome, type Sent } from "../../shared/vectors/conformance.ts";
import { CLIENT_KEY } from "../../shared/vectors/control.ts";
import { loadVectors, NOW, PUBLIC_MODEL, type Vector } from "../../shared/vectors/load.ts";
import { asJson } from "../../shared/vectors/shape.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { send } from "./http.ts";

/** Why a case cannot be shown here: its vector speaks of the public model's name in a way that a suffix would break. */
const SKIP: Record<string, string> = {
  "gateway/models": "lists the models of all vectors",
  "gateway/model": "spells the model's name with a percent sign",
  "gateway/key-escaped": "spells the model's name with an escape",
};

const vectors = loadVectors().map(asLedgerTells);
/** Each vector's names get its number, as all share one configuration. */
const suffixes = new Map(vectors.map(({ name }, index) => [name, `-v${index}`]));

const STAGES = 6;

/** One server that plays all providers of one vector at a time: it answers by the vector's pairs, in turn. */
class Stage {
  /** By pair. */
  requests: Sent[] = [];
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #vector: Vector | undefined;
  #cut: Cut = (stream) => [stream];
  /** Resolves when those who came before are done. */
  #turn: Promise<unknown> = Promise.resolve();

  async open(): Promise<void> {
    await new Promise<void>((listening) => this.#server.listen(0, "127.0.0.1", listening));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Runs a play once no other is on this stage. */
  play<Result>(vector: Vector, cut: Cut, run: () => Promise<Result>): Promise<Result> {
    const played = this.#turn.then(() => {
      this.#vector = vector;
      this.#cut = cut;
      this.requests = [];
      return run();
    });
    this.#turn = played.catch(() => {});
    return played;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const vector = this.#vector as Vector;
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { method = "", url = "", headers } = request;
    const body = Buffer.concat(parts);
    const sent: Sent = { method, path: url, status: 0, headers: headers as Record<string, string>, body };
    const pair = this.#pairOf(vector, sent);
    this.requests[pair] = sent;
    const script = vector.attempts[pair]?.answers;
    if (script === undefined || script.status === 0) return void request.socket.destroy();
    const type = script.stream ? "text/event-stream" : "application/json";
    const told = Object.entries({ "content-type": type, ...script.headers }).filter(([, value]) => value !== null);
    response.writeHead(script.status, Object.fromEntries(told) as Record<string, string>);
    const pieces = this.#cut(script.body);
    for (const piece of pieces) {
      await new Promise((written) => response.write(piece, written));
      // Each piece is to arrive alone: sockets of this server hold nothing back, and the gateway has time to read it.
      if (pieces.length > 1) await wait(1);
    }
    response.end();
  }

  /** The next pair of the vector; of calls that are under way together, and arrive in any order, the one that tells of this. */
  #pairOf(vector: Vector, sent: Sent): number {
    const open = [...vector.attempts.keys()].filter((pair) => this.requests[pair] === undefined);
    const { body } = plain(sent, suffixOf(vector));
    const told = open.find((pair) => {
      const sees = vector.attempts[pair]?.sees;
      return sees?.body.equals(body) || (sees != null && isDeepStrictEqual(asJson(sees.body), asJson(body)));
    });
    return told ?? open[0] ?? vector.attempts.length;
  }
}

const stages = Array.from({ length: STAGES }, () => new Stage());
let gateway: Gateway;

beforeAll(async () => {
  for (const stage of stages) await stage.open();
  gateway = await startGateway({ config: configuration() });
});
afterAll(async () => {
  await gateway?.stop();
  for (const stage of stages) stage.close();
});

function suffixOf({ name }: Vector): string {
  return suffixes.get(name) ?? "";
}

function stageOf(vector: Vector): Stage {
  return stages[vectors.indexOf(vector) % STAGES] as Stage;
}

/** The ledger keeps a provider's own usage object, but does not show it. */
function asLedgerTells(vector: Vector): Vector {
  if (vector.record === undefined || vector.record === null) return vector;
  const { raw_usage: _, ...record } = vector.record;
  return { ...vector, record };
}

function configuration(): object {
  const providers = vectors.flatMap((vector) =>
    vector.targets.map((target) => ({
      name: target.name + suffixOf(vector),
      kind: target.kind,
      base_url: `http://127.0.0.1:${stageOf(vector).port}${target.baseUrl.replace(/^https?:\/\/[^/]+/, "")}`,
      credentials: target.credential === "" ? [] : [target.credential],
      options: target.options,
    })),
  );
  const models = vectors.map((vector) => ({
    name: PUBLIC_MODEL + suffixOf(vector),
    unsupported: vector.unsupported,
    retries: vector.targets.length - 1,
    targets: vector.targets.map((target, priority) => ({
      provider: target.name + suffixOf(vector),
      model: target.model === PUBLIC_MODEL ? PUBLIC_MODEL + suffixOf(vector) : target.model,
      priority,
      ...(target.capabilities !== undefined && { capabilities: target.capabilities }),
    })),
  }));
  const projects = [{ name: "vectors", models: ["*"], keys: [{ name: "vectors", secret: CLIENT_KEY }] }];
  return { version: 1, providers, models, projects };
}

function runThroughGateway(vector: Vector, cut: Cut): Promise<Outcome> {
  const stage = stageOf(vector);
  return stage.play(vector, cut, () => play(vector, stage));
}

async function play(vector: Vector, { requests }: Stage): Promise<Outcome> {
  const suffix = suffixOf(vector);
  const { request } = vector;
  const { authorization = `Bearer ${CLIENT_KEY}`, ...headers } = request.headers;
  const given = Object.entries({ authorization, ...headers }).filter(([, value]) => value !== null);
  const answer = await send(gateway.origin + request.path, {
    method: request.method ?? "POST",
    headers: Object.fromEntries(given) as Record<string, string>,
    ...(request.body.length > 0 && { body: numbered(request.body, suffix) }),
  });
  const client = {
    method: "",
    path: "",
    status: answer.status,
    headers: answer.headers,
    body: Buffer.from(answer.text),
  };
  const recorded = vector.record === undefined || vector.record === null;
  const records = recorded ? [] : [await gateway.record(answer.headers["x-request-id"])];
  return {
    requests: requests.map((sent, index) => ({ ...plain(sent, suffix), headers: withHost(sent, vector, index) })),
    client: plain(client as Sent, suffix),
    records: JSON.parse(unnumbered(JSON.stringify(records), suffix)),
  };
}

/** The vectors' providers have hosts of their own; here all are one. */
function withHost(sent: Sent, { targets }: Vector, index: number): Record<string, string> {
  return { ...sent.headers, host: new URL((targets[index] ?? targets.at(-1))?.baseUrl ?? "http://none").host };
}

/** The message as the vector has it: without numbers, at the vectors' time. */
function plain(sent: Sent, suffix: string): Sent {
  const text = unnumbered(sent.body.toString("latin1"), suffix).replace(/"created":(\d{10})\b/g, (member, seconds) =>
    Math.abs(Number(seconds) - Date.now() / 1000) < 300 ? `"created":${NOW}` : member,
  );
  return { ...sent, body: Buffer.from(text, "latin1") };
}

function numbered(body: Buffer, suffix: string): Buffer {
  const text = body
    .toString("latin1")
    .replaceAll(`"${PUBLIC_MODEL}"`, `"${PUBLIC_MODEL}${suffix}"`)
    .replaceAll(`\r\n${PUBLIC_MODEL}\r\n`, `\r\n${PUBLIC_MODEL}${suffix}\r\n`);
  return Buffer.from(text, "latin1");
}

/** Takes the number from the end of names, in quotes of JSON or of messages, or on a form's line. */
function unnumbered(text: string, suffix: string): string {
  return text.replaceAll(`${suffix}"`, '"').replaceAll(`${suffix}\``, "`").replaceAll(`${suffix}\r\n`, "\r\n");
}

/** What takes no more than a second each to be sent in pieces of so many bytes. */
function isShort({ attempts }: Vector, size: number): boolean {
  return attempts.reduce((sum, { answers }) => sum + answers.body.length, 0) <= size * 500;
}

conformance("the real gateway", runThroughGateway, { vectors, skip: SKIP, isCut: isShort, concurrent: true });
