import "../../target.ts";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../byte-writer.ts";
import { FAILED, ProviderRequest } from "../../exchange.ts";
import { Random } from "../../random.ts";
import { decodeUtf8, encodeUtf8 } from "../../text.ts";
import { chat, choice, chunksOf, event, exchangeFor, type JsonObject, type Setting } from "./harness.ts";

/** Mutants of each kind of text: together about a second. */
const MUTANTS = 500;
/** No test makes use of the clock or of chance: a failure names its mutant, and comes again. */
const SEED = 20261123;

const SNIPPETS = [
  "{}",
  "[]",
  "null",
  "true",
  "-0",
  "1e999",
  '""',
  '"\\ud800"',
  "\\",
  '"',
  ",",
  ":",
  "{",
  "}",
  "[",
  "]",
  "\n\n",
  "\u0000",
  "\xff",
];

/** The text with a few bytes changed, cut out, doubled, or replaced by something that matters to JSON. */
function mutate(text: Uint8Array, random: Random): Uint8Array {
  let bytes = Array.from(text);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(bytes.length + 1);
    const length = random.below(12);
    const kind = random.below(5);
    if (kind === 0) bytes[at] = random.below(256);
    else if (kind === 1) bytes.splice(at, length);
    else if (kind === 2) bytes.splice(at, 0, ...bytes.slice(at, at + length));
    else if (kind === 3) bytes.splice(at, length, ...encodeUtf8(SNIPPETS[random.below(SNIPPETS.length)] ?? ""));
    else bytes = bytes.slice(0, Math.max(1, at));
  }
  return Uint8Array.from(bytes);
}

/** A value of the object replaced by one of another kind, somewhere deep: JSON still, but of a wrong shape. */
function misshape(value: unknown, random: Random): unknown {
  if (random.below(8) === 0 || typeof value !== "object" || value === null) {
    return [null, true, 0, -1.5, "", " ", "x", [], {}, [[]], [null], { type: 7 }, "auto", "data:,"][random.below(14)];
  }
  const keys = Object.keys(value);
  const key = keys[random.below(keys.length)];
  if (key === undefined) return value;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  (copy as JsonObject)[key] = misshape((value as JsonObject)[key], random);
  return copy;
}

const request = {
  model: "m",
  stream: true,
  stream_options: { include_usage: true },
  n: 1,
  max_tokens: 9000,
  temperature: 1.2,
  top_p: 0.5,
  stop: ["END"],
  user: "ada",
  reasoning_effort: "low",
  tool_choice: "required",
  tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }],
  response_format: { type: "json_schema", json_schema: { name: "n", schema: { type: "object" } } },
  messages: [
    { role: "system", content: [{ type: "text", text: "S" }] },
    {
      role: "user",
      content: [
        { type: "text", text: "é" },
        { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } },
        { type: "input_audio", input_audio: { data: "AA==", format: "wav" } },
        { type: "video", video: ["https://x/1.png"] },
      ],
    },
    {
      role: "assistant",
      content: "A",
      tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: '{"a":"\\u00e9"}' } }],
    },
    { role: "tool", tool_call_id: "a", content: "R" },
  ],
};

const call = { index: 0, id: "c", type: "function", function: { name: "f", arguments: '{"a"' } };
const answer = choice({ content: [{ text: "A" }], reasoning_content: "T", tool_calls: [call] }, "stop", {
  logprobs: { content: [] },
});

const list: JsonObject[] = [
  choice({ content: "", reasoning_content: "T" }),
  choice({ content: "Aé😀" }),
  choice({ content: "Aé😀", tool_calls: [call] }),
  choice({ content: "Aé😀", tool_calls: [{ ...call, function: { name: "", arguments: '{"a":1}' } }] }),
  choice({ content: "Aé😀!" }, "stop"),
  { output: { choices: [] }, usage: { input_tokens: 1, output_tokens: 2 } },
];

const SETTINGS: Setting[] = [
  {},
  { options: { incremental: false } },
  { options: { mode: "compatible" } },
  { model: "qwen-vl-max", strict: true },
];

/** Text whose JSON was cut inside a string may hold bytes that are no UTF-8; what must hold is its structure. */
function parse(writer: ByteWriter): unknown {
  return JSON.parse(decodeUtf8(writer.bytes, 0, writer.length));
}

function checkRequest(body: string, setting: Setting): void {
  const exchange = exchangeFor(body, setting);
  const out = new ProviderRequest();
  if (exchange.request("k", out)) {
    if (setting.options?.mode === undefined) {
      expect(JSON.parse(decodeUtf8(out.body, 0, out.body.length))).toHaveProperty("input.messages");
    }
    expect(exchange.problem).toBeNull();
  } else expect(exchange.problem).toMatchObject({ status: 400 });
}

function checkResponse(body: Uint8Array): void {
  const exchange = exchangeFor(chat());
  const out = new ByteWriter(0);
  if (exchange.response(body, out) === FAILED) expect(exchange.problem).not.toBeNull();
  else expect(parse(out)).toMatchObject({ object: "chat.completion" });
}

function checkStream(body: Uint8Array, cut: number, setting: Setting): void {
  const exchange = exchangeFor(request, setting);
  const out = new ByteWriter(0);
  let result = exchange.chunk(body, cut, false, out);
  if (result !== FAILED) result = exchange.chunk(body.subarray(cut), body.length - cut, true, out);
  const text = decodeUtf8(out.bytes, 0, out.length);
  expect(result === FAILED).toBe(exchange.problem !== null);
  if (setting.options?.mode !== undefined) return;
  const chunks = chunksOf(text);
  expect(exchange.finished).toBe(text.endsWith("data: [DONE]\n\n"));
  if (exchange.begun) expect(chunks[0]).toMatchObject({ choices: [{ delta: { role: "assistant" } }] });
  else expect(text).toBe("");
}

describe("mutants end in an answer or in a problem, never in an exception", () => {
  for (const setting of SETTINGS) {
    const name = JSON.stringify(setting);

    it(`requests, ${name}`, () => {
      const random = new Random(SEED);
      const text = encodeUtf8(JSON.stringify(request));
      for (let i = 0; i < MUTANTS; i++) {
        checkRequest(JSON.stringify(misshape(request, random)), setting);
        const mutant = mutate(text, random);
        checkRequest(decodeUtf8(mutant, 0, mutant.length), setting);
      }
    });

    it(`streams, ${name}`, () => {
      const random = new Random(SEED);
      const text = encodeUtf8(list.map((each) => event(each)).join(""));
      for (let i = 0; i < MUTANTS; i++) {
        const odd = list.map((each) => (random.below(4) === 0 ? misshape(each, random) : each));
        const misshaped = encodeUtf8(odd.map((each) => event(each)).join(""));
        checkStream(misshaped, random.below(misshaped.length + 1), setting);
        const mutant = mutate(text, random);
        checkStream(mutant, random.below(mutant.length + 1), setting);
      }
    });
  }

  it("answers", () => {
    const random = new Random(SEED);
    const text = encodeUtf8(JSON.stringify(answer));
    for (let i = 0; i < MUTANTS; i++) {
      checkResponse(encodeUtf8(JSON.stringify(misshape(answer, random))));
      checkResponse(mutate(text, random));
    }
  });

  it("errors", () => {
    const random = new Random(SEED);
    const error = { code: "Throttling.RateQuota", message: "M", error: { code: "invalid_api_key", message: "N" } };
    const texts = [JSON.stringify(error), event(error, 400)].map(encodeUtf8);
    for (let i = 0; i < MUTANTS; i++) {
      const status = 400 + random.below(200);
      const text = texts[i % 2] ?? new Uint8Array(0);
      const body = i % 3 === 0 ? encodeUtf8(JSON.stringify(misshape(error, random))) : mutate(text, random);
      const out = new ByteWriter(0);
      const problem = exchangeFor(chat()).failure(status, body, String(random.below(100) - 50));
      problem.write(out);
      expect(problem.status).toBeGreaterThanOrEqual(400);
      expect(problem.status).not.toBe(529);
      expect(parse(out)).toMatchObject({ error: { message: expect.any(String) } });
    }
  });
});
