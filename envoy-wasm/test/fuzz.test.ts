/**
 * Both builds in one race: mutated requests and answers, cut at random places, must come out the same from the TypeScript
 * core and from the shipped module, byte for byte, and the module must neither trap nor grow. `FUZZ_RUNS` asks for more.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Cut, Outcome, Sent } from "../../shared/vectors/conformance.ts";
import { runInCore } from "../../shared/vectors/core-runner.ts";
import { loadVectors, type Message, type Vector } from "../../shared/vectors/load.ts";
import { asEvents, asJson } from "../../shared/vectors/shape.ts";
import { WasmRunner } from "./wasm-runner.ts";

const RUNS = Number(process.env.FUZZ_RUNS ?? 4000);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const MEBIBYTE = 1024 * 1024;

interface Edit {
  at: number;
  remove: number;
  insert: Buffer;
}

/** What breaks parsers: JSON's marks, its escapes, numbers at their borders, parts of events, bytes that are no UTF-8. */
const PIECES = [
  ...'{}[]:,"\\0-.eE n\n\r',
  ...[
    '""',
    "null",
    "true",
    "1e400",
    "2147483648",
    "-0",
    "12345678901234567890",
    "\\u0000",
    "\\ud83d",
    "\\u006f",
    "漢🙂",
  ],
  ...['"model":"demo",', '"stream":true,', '"n":2,', '"usage":{},', '"error":{"code":429},', '"choices":null,'],
  ...["data: ", "data: [DONE]\n\n", "\n\n", "\r\n\r\n", "event: error\n", ": ping\n\n", "\ufeff"],
  ...['"type":"message_stop"', '"content":[]', '"tool_calls":[{}],', '"usage":{"prompt_tokens":1e9},', "[".repeat(130)],
].map((text) => Buffer.from(text));

const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...PIECES) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 4 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.constant(Buffer.alloc(0)) },
);
const edits = fc.array(fc.record({ at: fc.nat(), remove: fc.oneof(fc.nat(3), fc.nat(60)), insert: piece }), {
  maxLength: 3,
});
const places = fc.array(fc.nat(), { maxLength: 8 });

const corpus = loadVectors().filter(({ request, attempts }) =>
  [request, ...attempts.map(({ answers }) => answers)].every(({ body }) => body.length < 20_000),
);

function mutate(body: Buffer, changes: Edit[]): Buffer {
  let changed = body;
  for (const { at, remove, insert } of changes) {
    const from = at % (changed.length + 1);
    changed = Buffer.concat([changed.subarray(0, from), insert, changed.subarray(from + remove)]);
  }
  return changed;
}

/** Each target answers, also those that the vector never asks. */
function mutatedVector(vector: Vector, requestEdits: Edit[], answerEdits: Edit[]): Vector {
  const usual: Message = { ...vector.request, status: 200, headers: {}, body: Buffer.from('{"choices":[]}') };
  const answers = vector.attempts.length === 0 ? [usual] : vector.attempts.map((attempt) => attempt.answers);
  const attempts = vector.targets.map((_, index) => {
    const script = answers[index % answers.length] ?? usual;
    return { sees: null, answers: { ...script, body: mutate(script.body, answerEdits) } };
  });
  const { request } = vector;
  return { ...vector, request: { ...request, body: mutate(request.body, requestEdits) }, attempts };
}

function cutAt(ends: number[]): Cut {
  return (stream) => {
    const sorted = ends.map((end) => end % (stream.length + 1)).sort((a, b) => a - b);
    return [...sorted, stream.length].map((end, index) => stream.subarray(index === 0 ? 0 : sorted[index - 1], end));
  };
}

const runners = new Map<string, WasmRunner>();

function runnerFor({ targets, unsupported }: Vector): WasmRunner {
  const key = JSON.stringify({ targets, unsupported });
  const runner = runners.get(key) ?? new WasmRunner({ targets, unsupported });
  runners.set(key, runner);
  return runner;
}

/** What must be the same of both builds. Ids, times and headers of the host's own are not. */
function comparable({ requests, client, records }: Outcome) {
  const text = ({ body }: Sent) => body.toString("latin1");
  return {
    requests: requests.map((sent) => ({ path: sent.path, key: sent.headers.authorization, body: text(sent) })),
    client: { status: client.status, retryAfter: client.headers["retry-after"], body: text(client) },
    records: records.map(({ outcome, usage, usage_source, raw_usage, served_model }) => ({
      ...{ outcome, usage, usage_source, raw_usage, served_model },
    })),
  };
}

/** What holds of any answer, whatever was sent. */
function checkSense({ client, records }: Outcome): void {
  expect(records.length).toBeLessThanOrEqual(1);
  if (client.status >= 400) {
    const string = expect.any(String);
    const shape = { message: string, type: string };
    expect(asJson(client.body)).toMatchObject({ error: shape });
    return;
  }
  if (!client.headers["content-type"]?.startsWith("text/event-stream")) return;
  const ends = asEvents(client.body).filter((event) => String((event as { data?: unknown }).data).startsWith("[DONE]"));
  expect(ends.length, "how often [DONE] is sent").toBe(records[0]?.outcome === "ok" ? 1 : 0);
}

describe("both builds, any input", () => {
  test(`agree on ${RUNS} mutations`, { timeout: 60_000 + RUNS * 50 }, () => {
    const input = fc.record({
      vector: fc.constantFrom(...corpus),
      requestEdits: edits,
      answerEdits: edits,
      ends: places,
    });
    fc.assert(
      fc.property(input, ({ vector, requestEdits, answerEdits, ends }) => {
        const mutated = mutatedVector(vector, requestEdits, answerEdits);
        const runner = runnerFor(vector);
        const now = Number(runner.envoy.host.time / 1_000_000n);
        const inWasm = runner.run(mutated, cutAt(ends));
        expect(comparable(inWasm)).toEqual(comparable(runInCore(mutated, cutAt(ends), now)));
        checkSense(inWasm);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    const largest = Math.max(...[...runners.values()].map(({ envoy }) => envoy.host.memorySize));
    expect(largest).toBeLessThanOrEqual(16 * MEBIBYTE);
  });
});
