import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../byte-writer.ts";
import { FAILED, ProviderRequest } from "../../exchange.ts";
import { Random } from "../../random.ts";
import { decodeUtf8, encodeUtf8 } from "../../text.ts";
import { chat, chunksOf, events, exchangeFor, type JsonObject } from "./harness.ts";

/** Mutants of each kind of text: together about a second. */
const MUTANTS = 1500;
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
  max_tokens: 9000,
  temperature: 1.2,
  top_p: 0.5,
  n: 2,
  seed: 7,
  logprobs: true,
  top_logprobs: 2,
  presence_penalty: 0.5,
  stop: ["END", ""],
  user: "ada",
  reasoning_effort: "high",
  parallel_tool_calls: false,
  tool_choice: {
    type: "allowed_tools",
    allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] },
  },
  tools: [
    {
      type: "function",
      function: {
        name: "f",
        description: "D",
        strict: true,
        parameters: {
          type: "object",
          properties: { a: { const: "x" }, b: { allOf: [{ $ref: "#/definitions/B" }] }, c: { nullable: true } },
          definitions: { B: { anyOf: [{ type: "null" }, { type: "array", items: { const: null } }] } },
        },
      },
    },
  ],
  response_format: { type: "json_schema", json_schema: { name: "n", schema: { type: "object" } } },
  messages: [
    { role: "system", content: [{ type: "text", text: "S" }] },
    {
      role: "user",
      content: [
        { type: "text", text: "é" },
        { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } },
        { type: "image_url", image_url: { url: "https://a.test/b.png" } },
        { type: "file", file: { file_data: "JVBERi0=", filename: "a" } },
        { type: "input_audio", input_audio: { data: "UklG", format: "wav" } },
      ],
    },
    {
      role: "assistant",
      content: "A",
      tool_calls: [
        { id: "a__thought__Q_3d", type: "function", function: { name: "f", arguments: '{"a":"\\u00e9"}' } },
        { id: "b", type: "function", function: { name: "1g", arguments: "" } },
      ],
    },
    { role: "tool", tool_call_id: "b", content: [{ type: "text", text: "R" }] },
    { role: "tool", tool_call_id: "a__thought__Q_3d", content: '{"a":[1]}' },
    { role: "developer", content: "D" },
    { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
    { role: "function", name: "f", content: "x" },
  ],
};

const whole = {
  candidates: [
    {
      content: {
        role: "model",
        parts: [
          { text: "T", thought: true },
          { text: "A" },
          { functionCall: { id: "i", name: "_1g", args: { a: [1] } }, thoughtSignature: "Q=" },
        ],
      },
      finishReason: "STOP",
      index: 0,
      logprobsResult: {
        chosenCandidates: [{ token: "A", logProbability: -0.5 }],
        topCandidates: [{ candidates: [{ token: "A", logProbability: -0.5 }] }],
      },
    },
  ],
  promptFeedback: { safetyRatings: [] },
  usageMetadata: { promptTokenCount: 1, cachedContentTokenCount: 2, candidatesTokenCount: 3, totalTokenCount: 4 },
  modelVersion: "g",
  responseId: "r",
};

const list: JsonObject[] = [
  { usageMetadata: { promptTokenCount: 1 }, responseId: "r" },
  { candidates: [{ content: { parts: [{ text: "Aé" }] }, index: 0 }] },
  { candidates: [{ content: { parts: [{ text: "B" }] }, index: 1, finishReason: "MAX_TOKENS" }] },
  whole,
];

/** Text whose JSON was cut inside a string may hold bytes that are no UTF-8; what must hold is its structure. */
function parse(writer: ByteWriter): unknown {
  return JSON.parse(decodeUtf8(writer.bytes, 0, writer.length));
}

const MODELS = [
  "gemini-2.5-flash",
  "gemini-2.5-pro",
  "gemini-3-pro-preview",
  "gemini-1.5-pro",
  "gemma-3",
  "gemini-next",
];

function checkRequest(body: string, model: string, strict: boolean): void {
  const exchange = exchangeFor(body, { model, strict });
  const out = new ProviderRequest();
  if (exchange.request("k", out)) {
    expect(JSON.parse(decodeUtf8(out.body, 0, out.body.length))).toHaveProperty("contents");
    expect(exchange.problem).toBeNull();
  } else expect(exchange.problem).toMatchObject({ status: 400 });
}

function checkResponse(body: Uint8Array): void {
  const exchange = exchangeFor(chat());
  const out = new ByteWriter(0);
  if (exchange.response(body, out) === FAILED) expect(exchange.problem).not.toBeNull();
  else expect(parse(out)).toMatchObject({ object: "chat.completion" });
}

function checkStream(body: Uint8Array, cut: number): void {
  const exchange = exchangeFor(request);
  const out = new ByteWriter(0);
  let result = exchange.chunk(body, cut, false, out);
  if (result !== FAILED) result = exchange.chunk(body.subarray(cut), body.length - cut, true, out);
  const text = decodeUtf8(out.bytes, 0, out.length);
  const chunks = chunksOf(text);
  expect(result === FAILED).toBe(exchange.problem !== null);
  expect(exchange.finished).toBe(text.endsWith("data: [DONE]\n\n"));
  if (exchange.begun) expect(chunks[0]).toMatchObject({ choices: [{ delta: { role: "assistant" } }] });
  else expect(text).toBe("");
}

describe("mutants end in an answer or in a problem, never in an exception", () => {
  it("requests", () => {
    const random = new Random(SEED);
    const text = encodeUtf8(JSON.stringify(request));
    for (let i = 0; i < MUTANTS; i++) {
      const model = MODELS[random.below(MODELS.length)] ?? "";
      const misshaped = JSON.stringify(misshape(request, random));
      checkRequest(misshaped, model, i % 2 === 0);
      const mutant = mutate(text, random);
      checkRequest(decodeUtf8(mutant, 0, mutant.length), model, i % 2 === 0);
    }
  });

  it("answers", () => {
    const random = new Random(SEED);
    const text = encodeUtf8(JSON.stringify(whole));
    for (let i = 0; i < MUTANTS; i++) {
      checkResponse(encodeUtf8(JSON.stringify(misshape(whole, random))));
      checkResponse(mutate(text, random));
    }
  });

  it("streams", () => {
    const random = new Random(SEED);
    const text = encodeUtf8(events(...list));
    for (let i = 0; i < MUTANTS; i++) {
      const odd = list.map((each) => (random.below(4) === 0 ? misshape(each, random) : each));
      const misshaped = encodeUtf8(odd.map((each) => `data: ${JSON.stringify(each)}\n\n`).join(""));
      checkStream(misshaped, random.below(misshaped.length + 1));
      const mutant = mutate(text, random);
      checkStream(mutant, random.below(mutant.length + 1));
    }
  });

  it("errors", () => {
    const random = new Random(SEED);
    const details = [{ retryDelay: "3s" }, { violations: [{ quotaId: "PerDay" }] }, { reason: "QUOTA" }];
    const error = [{ error: { code: 429, message: "M", status: "RESOURCE_EXHAUSTED", details } }];
    const text = encodeUtf8(JSON.stringify(error));
    for (let i = 0; i < MUTANTS; i++) {
      const status = 400 + random.below(200);
      const body = i % 2 === 0 ? mutate(text, random) : encodeUtf8(JSON.stringify(misshape(error, random)));
      const out = new ByteWriter(0);
      const problem = exchangeFor(chat()).failure(status, body, String(random.below(100) - 50));
      problem.write(out);
      expect(problem.status).toBeGreaterThanOrEqual(400);
      expect(problem.status).not.toBe(529);
      expect(parse(out)).toMatchObject({ error: { message: expect.any(String) } });
    }
  });
});
