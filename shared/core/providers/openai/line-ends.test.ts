import "../../target.ts";
import { expect, test } from "vitest";
import { ByteWriter } from "../../byte-writer.ts";
import { CHAT, ClientRequest, PASS, Provider } from "../../exchange.ts";
import { Json } from "../../json.ts";
import { OpenAiExchange } from "./exchange.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const chunk = (content: string) =>
  `data: {"choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":"stop"}]}\r\n\r\n`;
const usage = 'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\r\n\r\n';

/** What the client gets of a stream that comes in pieces of `size` bytes. */
function pass(text: string, size: number): string {
  const body = encoder.encode('{"model":"m","stream":true,"messages":[1]}');
  const call = new ClientRequest(CHAT, body, Json.parse(body) as Json, 0);
  const exchange = new OpenAiExchange(call, new Provider("p", "openai", "h", "/v1", ""), "m");
  const bytes = encoder.encode(text);
  let seen = "";
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.slice(at, at + size);
    const out = new ByteWriter(64);
    const outcome = exchange.chunk(piece, piece.length, at + size >= bytes.length, out);
    seen += decoder.decode(outcome === PASS ? piece : out.take());
  }
  return seen;
}

test("a hidden event takes no part of the line end of the event before it", () => {
  const whole = `${chunk("a")}${usage}data: [DONE]\r\n\r\n`;
  for (let size = 1; size <= whole.length; size++) {
    expect(pass(whole, size)).toBe(`${chunk("a")}data: [DONE]\r\n\r\n`);
  }
});
