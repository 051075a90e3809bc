/** Plays vectors through the whole filter: the shipped module, with a stand-in for Envoy around it. */
import type { Cut, Outcome, Sent } from "../../shared/vectors/conformance.ts";
import { CLIENT_KEY, ControlStandIn } from "../../shared/vectors/control.ts";
import type { Message, Vector } from "../../shared/vectors/load.ts";
import { Envoy, type ProviderAnswer } from "./envoy.ts";
import type { Headers } from "./host.ts";
import { loadModule } from "./module.ts";

const module = loadModule();

export function runInWasm(vector: Vector, cut: Cut): Outcome {
  return new WasmRunner(vector).run(vector, cut);
}

/** One VM, for any number of vectors that share their targets. */
export class WasmRunner {
  readonly envoy: Envoy;
  readonly #control: ControlStandIn;
  #scripts: Message[] = [];
  #cut: Cut = (stream) => [stream];

  constructor(setting: Pick<Vector, "targets" | "unsupported">) {
    this.#control = new ControlStandIn(setting);
    this.envoy = new Envoy(module, {
      provider: () => {
        const script = this.#scripts.shift();
        if (script === undefined) throw new Error("a provider was called that has no answer");
        return answerOf(script, this.#cut);
      },
      control: (message) => this.#control.answer(message),
    });
  }

  run({ request, attempts }: Pick<Vector, "request" | "attempts">, cut: Cut): Outcome {
    this.#scripts = attempts.map(({ answers }) => answers);
    this.#cut = cut;
    const body = request.body.length === 0 ? [] : cut(request.body);
    const { client, calls } = this.envoy.send(requestHeaders(request), body);
    // A task is asked for once a second.
    for (let seconds = 0; seconds < 10 && !client.ended; seconds++) this.envoy.tick(1000);
    if (!client.ended) throw new Error(`the client's answer has no end (status ${client.status})`);
    this.envoy.tick(1000);
    return {
      requests: calls.map(({ headers, body }) => sentOf(headers, body)),
      client: sentOf(client.headers, Buffer.concat(client.chunks)),
      records: this.#control.records.splice(0),
    };
  }
}

export function requestHeaders(request: Pick<Message, "method" | "path" | "headers" | "body">): Headers {
  const { authorization = `Bearer ${CLIENT_KEY}`, "content-type": type, ...others } = request.headers;
  const given = Object.entries({ authorization, ...others }).filter((entry): entry is [string, string] => !!entry[1]);
  return [
    [":method", request.method ?? "POST"],
    [":path", request.path ?? "/"],
    [":authority", "gateway.example"],
    [":scheme", "http"],
    ["content-type", type ?? "application/json"],
    ["content-length", String(request.body.length)],
    ["x-request-id", "made-by-envoy"],
    ...given,
  ];
}

function answerOf(script: Message, cut: Cut): ProviderAnswer | null {
  if (script.status === 0) return null;
  const type = script.stream ? "text/event-stream; charset=utf-8" : "application/json";
  const headers: Record<string, string | null> = { "content-type": type, ...script.headers };
  if (!script.stream) headers["content-length"] = String(script.body.length);
  return {
    status: script.status,
    headers: Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== null),
    pieces: script.body.length === 0 ? [] : cut(script.body),
    end: "end",
  };
}

function sentOf(headers: Headers, body: Buffer): Sent {
  const named = Object.fromEntries(headers);
  return {
    method: named[":method"] ?? "",
    path: named[":path"] ?? "",
    status: Number(named[":status"] ?? 0),
    headers: { ...named, ...(named[":authority"] !== undefined && { host: named[":authority"] }) },
    body,
  };
}
