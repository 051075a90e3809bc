import { ByteWriter } from "../../byte-writer.ts";
import { CHAT, ClientRequest, Exchange, PASS, Provider, ProviderRequest } from "../../exchange.ts";
import { Json } from "../../json.ts";
import { Problem } from "../../problem.ts";
import { capabilitiesFor } from "../../testing.ts";
import { decodeUtf8, encodeUtf8 } from "../../text.ts";
import { Usage } from "../../usage.ts";
import { openExchange } from "../registry.ts";

// What the tests of this folder share. No part of the core imports it.

export const CREATED = 1_790_000_000;

export type JsonObject = Record<string, unknown>;

export interface Setting {
  model?: string;
  endpoint?: number;
  strict?: boolean;
  credential?: string;
  path?: string;
  options?: JsonObject;
}

/** An exchange for this request body, an object or its text. */
export function exchangeFor(request: JsonObject | string, setting: Setting = {}): Exchange {
  const body = encodeUtf8(typeof request === "string" ? request : JSON.stringify(request));
  const provider = new Provider("glm", "zhipu", "api.test", setting.path ?? "", "");
  provider.options = setting.options === undefined ? null : Json.parse(encodeUtf8(JSON.stringify(setting.options)));
  const call = new ClientRequest(setting.endpoint ?? CHAT, body, Json.parse(body) ?? new Json(0, body, 0, 0), CREATED);
  const exchange = openExchange(call, provider, setting.model ?? "glm-4.7") as Exchange;
  exchange.strict = setting.strict ?? false;
  exchange.capabilities = capabilitiesFor("zhipu", exchange.model);
  return exchange;
}

export interface Sent {
  path: string;
  headers: Record<string, string>;
  body: JsonObject;
  problem: Problem | null;
}

/** What the provider gets for the request; an empty body and a problem when it cannot be expressed. */
export function send(request: JsonObject | string, setting: Setting = {}): Sent {
  const exchange = exchangeFor(request, setting);
  const out = new ProviderRequest();
  const expressed = exchange.request(setting.credential ?? "id.secret", out);
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < out.headers.length; i += 2) headers[out.headers[i] ?? ""] = out.headers[i + 1] ?? "";
  const body = expressed ? (JSON.parse(decodeUtf8(out.body, 0, out.body.length)) as JsonObject) : {};
  return { path: out.path, headers, body, problem: exchange.problem };
}

/** A chat of one user's message, with these further members. */
export function chat(members: JsonObject = {}): JsonObject {
  return { model: "m", messages: [{ role: "user", content: "Hi" }], ...members };
}

export interface Received {
  result: number;
  text: string;
  problem: Problem | null;
  usage: Usage;
  exchange: Exchange;
}

/** What the client gets for a whole answer of status 200. */
export function receive(answer: JsonObject | string, request: JsonObject = chat(), setting: Setting = {}): Received {
  const exchange = exchangeFor(request, setting);
  exchange.request("", new ProviderRequest());
  const body = encodeUtf8(typeof answer === "string" ? answer : JSON.stringify(answer));
  const out = new ByteWriter(0);
  const result = exchange.response(body, out);
  const shown = result === PASS ? body : out.take();
  return {
    result,
    text: decodeUtf8(shown, 0, shown.length),
    problem: exchange.problem,
    usage: exchange.usage,
    exchange,
  };
}

/** What the client gets for a stream that comes in these pieces, each overwritten after it was taken. */
export function stream(pieces: Uint8Array[], request: JsonObject = chat({ stream: true })): Received {
  const exchange = exchangeFor(request);
  const all = new ByteWriter(0);
  let result = 0;
  for (let i = 0; i <= pieces.length && exchange.problem === null; i++) {
    const bytes = (pieces[i] ?? new Uint8Array(0)).slice();
    const out = new ByteWriter(0);
    result = exchange.chunk(bytes, bytes.length, i === pieces.length, out);
    all.all(result === PASS ? bytes : out.take());
    bytes.fill(0x7b);
  }
  const text = decodeUtf8(all.bytes, 0, all.length);
  return { result, text, problem: exchange.problem, usage: exchange.usage, exchange };
}

/** A stream of events with these data. */
export function events(...data: (JsonObject | string)[]): Uint8Array {
  return encodeUtf8(data.map((one) => `data: ${typeof one === "string" ? one : JSON.stringify(one)}\n\n`).join(""));
}

/** An event's JSON as the vendor sends it. */
export function delta(members: JsonObject, more: JsonObject = {}, choice: JsonObject = {}): JsonObject {
  const opened = { role: "assistant", ...members };
  return { id: "1", created: 1, model: "glm-4.7", choices: [{ index: 0, ...choice, delta: opened }], ...more };
}
