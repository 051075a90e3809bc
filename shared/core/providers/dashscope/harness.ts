import { ByteWriter } from "../../byte-writer.ts";
import { CHAT, ClientRequest, Exchange, Provider, ProviderRequest } from "../../exchange.ts";
import { Json } from "../../json.ts";
import { Problem } from "../../problem.ts";
import { capabilitiesFor } from "../../testing.ts";
import { decodeUtf8, encodeUtf8 } from "../../text.ts";
import { Usage } from "../../usage.ts";
import { openExchange } from "../registry.ts";

// What the tests of this folder share. No part of the core imports it.

export type JsonObject = Record<string, unknown>;

export interface Setting {
  model?: string;
  endpoint?: number;
  strict?: boolean;
  credential?: string;
  path?: string;
  query?: string;
  options?: JsonObject;
}

/** An exchange for this request body, an object or its text. */
export function exchangeFor(request: JsonObject | string, setting: Setting = {}): Exchange {
  const body = encodeUtf8(typeof request === "string" ? request : JSON.stringify(request));
  const json = Json.parse(body);
  const provider = new Provider("qwen", "dashscope", "api.test", setting.path ?? "/api/v1", setting.query ?? "");
  provider.options = setting.options === undefined ? null : Json.parse(encodeUtf8(JSON.stringify(setting.options)));
  const call = new ClientRequest(setting.endpoint ?? CHAT, body, json ?? new Json(0, body, 0, 0), 1790000001);
  const exchange = openExchange(call, provider, setting.model ?? "qwen-plus") as Exchange;
  exchange.strict = setting.strict ?? false;
  exchange.capabilities = capabilitiesFor("dashscope", exchange.model);
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
  const expressed = exchange.request(setting.credential ?? "sk-test", out);
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
export function receive(answer: unknown, request: JsonObject = chat(), setting: Setting = {}): Received {
  const exchange = exchangeFor(request, setting);
  exchange.request("", new ProviderRequest());
  const out = new ByteWriter(0);
  const result = exchange.response(encodeUtf8(typeof answer === "string" ? answer : JSON.stringify(answer)), out);
  const text = decodeUtf8(out.bytes, 0, out.length);
  return { result, text, problem: exchange.problem, usage: exchange.usage, exchange };
}

export interface Streamed {
  pieces: (string | Uint8Array)[];
  request?: JsonObject;
  setting?: Setting;
}

/** What the client gets for a stream that comes in these pieces, each overwritten after it was taken. */
export function stream({ pieces, request = chat({ stream: true }), setting = {} }: Streamed): Received {
  const exchange = exchangeFor(request, setting);
  const all = new ByteWriter(0);
  const out = new ByteWriter(0);
  let result = 0;
  for (let i = 0; i <= pieces.length && exchange.problem == null; i++) {
    const piece = pieces[i] ?? "";
    const bytes = typeof piece === "string" ? encodeUtf8(piece).slice() : piece.slice();
    result = exchange.chunk(bytes, bytes.length, i === pieces.length, out.clear());
    bytes.fill(0x7b);
    all.writer(out);
  }
  const text = decodeUtf8(all.bytes, 0, all.length);
  return { result, text, problem: exchange.problem, usage: exchange.usage, exchange };
}

/** An event as DashScope spells it. */
export function event(data: unknown, status = 200): string {
  const name = status === 200 ? "result" : "error";
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return `id:1\nevent:${name}\n:HTTP_STATUS/${status}\ndata:${text}\n\n`;
}

/** The event of one choice; `reason` is a finish reason, or the string that stands for none. */
export function choice(message: JsonObject, reason = "null", members: JsonObject = {}): JsonObject {
  return {
    output: { choices: [{ message: { role: "assistant", ...message }, finish_reason: reason, ...members }] },
    usage: { input_tokens: 20, output_tokens: 2, total_tokens: 22 },
    request_id: "5a1",
  };
}

/** The data of each event of an OpenAI stream, parsed; `[DONE]` as it is. */
export function chunksOf(text: string): unknown[] {
  return text
    .split("\n\n")
    .filter((block) => block.startsWith("data: "))
    .map((block) => (block === "data: [DONE]" ? "[DONE]" : JSON.parse(block.slice(6))));
}

/** The deltas of a stream's chunks that have one. */
export function deltasOf(text: string): unknown[] {
  return chunksOf(text)
    .map((chunk) => (chunk as { choices?: { delta: unknown }[] }).choices?.[0]?.delta)
    .filter((delta) => delta !== undefined);
}
