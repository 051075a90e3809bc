import "../../target.ts";
import { expect, test } from "vitest";
import { EMBEDDINGS, FAILED, IMAGES, ProviderRequest } from "../../exchange.ts";
import { Random } from "../../random.ts";
import { decodeUtf8, encodeUtf8 } from "../../text.ts";
import { chat, delta, events, exchangeFor, type JsonObject, receive, stream } from "./harness.ts";

const MUTANTS = 2000;
/** No test makes use of the clock or of chance: a failure names its mutant, and comes again. */
const SEED = 20261123;

const SNIPPETS = ["{}", "[]", "null", "true", "-0", "1e999", '""', '"\\ud800"', "\\", '"', ",", ":", "{", "}", "\n\n"];

const REQUEST = chat({
  stream: true,
  temperature: 0.5,
  top_p: 0.2,
  stop: ["a"],
  user: "customer-1",
  reasoning_effort: "high",
  tools: [{ type: "function", function: { name: "f", strict: true } }],
  tool_choice: { type: "allowed_tools", allowed_tools: { mode: "required", tools: [{ function: { name: "f" } }] } },
  response_format: { type: "json_schema", json_schema: { schema: { type: "object" } } },
  messages: [
    { role: "developer", content: [{ type: "text", text: "S" }] },
    { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] },
    { role: "assistant", content: null, tool_calls: [{ id: "c", function: { name: "f", arguments: "{}" } }] },
    { role: "tool", tool_call_id: "c", content: "1" },
  ],
});
const ANSWER = {
  id: "1",
  choices: [{ index: 0, finish_reason: "sensitive", message: { role: "assistant", content: "4", tool_calls: [{}] } }],
  usage: { prompt_tokens: 1, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 1 } },
};
const EVENTS = [
  delta({ reasoning_content: "a" }),
  delta({ content: "b" }),
  delta({ content: "" }, { usage: ANSWER.usage }, { finish_reason: "stop" }),
  { error: { code: "1301", message: "No" } },
];
const STREAM = events(...EVENTS, "[DONE]");

/** The text with a few bytes changed, cut out, doubled, or replaced by something that matters to JSON. */
function mutate(text: Uint8Array, random: Random): Uint8Array {
  const bytes = Array.from(text);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(bytes.length + 1);
    const length = random.below(12);
    const kind = random.below(5);
    if (kind === 0) bytes[at] = random.below(256);
    else if (kind === 1) bytes.splice(at, length);
    else if (kind === 2) bytes.splice(at, 0, ...bytes.slice(at, at + length));
    else if (kind === 3) bytes.splice(at, length, ...encodeUtf8(SNIPPETS[random.below(SNIPPETS.length)] ?? ""));
    else bytes.splice(Math.max(1, at));
  }
  return Uint8Array.from(bytes);
}

/** A value of the object replaced by one of another kind, somewhere deep: JSON still, but of a wrong shape. */
function misshape(value: unknown, random: Random, depth = 0): unknown {
  if ((depth > 0 && random.below(8) === 0) || typeof value !== "object" || value === null) {
    return [null, true, 0, -1.5, "", "x", [], {}, [[]], [null], { type: 7 }, "auto", "data:,", 1e99][random.below(14)];
  }
  const keys = Object.keys(value);
  const key = keys[random.below(keys.length)];
  if (key === undefined) return value;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  (copy as JsonObject)[key] = misshape((value as JsonObject)[key], random, depth + 1);
  return copy;
}

test("a request of any shape is sent as JSON or refused with a problem", () => {
  const random = new Random(SEED);
  for (let i = 0; i < MUTANTS; i++) {
    const request = misshape(REQUEST, random) as JsonObject;
    const endpoint = [0, 0, EMBEDDINGS, IMAGES][random.below(4)];
    const exchange = exchangeFor(request, { endpoint, strict: i % 3 === 0, options: { auth: "jwt" } });
    const out = new ProviderRequest();
    if (exchange.request("id.secret", out)) JSON.parse(decodeUtf8(out.body, 0, out.body.length));
    else expect(exchange.problem, `mutant ${i}`).toMatchObject({ status: 400 });
  }
});

test("an answer or an error of any bytes is translated to JSON or fails with a problem", () => {
  const random = new Random(SEED);
  const text = encodeUtf8(JSON.stringify(ANSWER));
  for (let i = 0; i < MUTANTS; i++) {
    const bytes =
      i % 2 === 0 ? mutate(text, random) : encodeUtf8(JSON.stringify(misshape(ANSWER, random)) ?? "undefined");
    const received = receive(decodeUtf8(bytes, 0, bytes.length));
    if (received.result === FAILED) expect(received.problem, `mutant ${i}`).not.toBeNull();
    else JSON.parse(received.text);
    const status = 400 + random.below(200);
    expect(exchangeFor(chat()).failure(status, bytes, "x").status, `mutant ${i}`).toBeGreaterThanOrEqual(400);
  }
});

test("a stream of any bytes comes out the same whole and in pieces, and ends whole or with a problem", () => {
  const random = new Random(SEED);
  for (let i = 0; i < MUTANTS; i++) {
    const misshapen = events(...(misshape(EVENTS, random) as JsonObject[]), "[DONE]");
    const bytes = i % 2 === 0 ? mutate(STREAM, random) : misshapen;
    const whole = stream([bytes], REQUEST);
    expect(whole.exchange.finished || whole.problem !== null, `mutant ${i}`).toBe(true);
    const at = random.below(bytes.length);
    const cut = stream([bytes.slice(0, at), bytes.slice(at)], REQUEST);
    expect([cut.text, cut.problem?.message], `mutant ${i} cut at ${at}`).toEqual([whole.text, whole.problem?.message]);
    for (const event of whole.text.split("\n\n")) {
      if (event !== "" && event !== "data: [DONE]") JSON.parse(event.slice(6));
    }
  }
});
