/**
 * Both builds in one race: mutated requests and answers, cut at random places, must come out the same from the TypeScript
 * core and from the shipped module, byte for byte, and the module must neither trap nor grow. `FUZZ_RUNS` asks for more.
 */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Cut, Outcome } from "../../shared/vectors/conformance.ts";
import { runInCore } from "../../shared/vectors/core-runner.ts";
import { loadVectors, type Message, type Vector } from "../../shared/vectors/load.ts";
import { asEvents, asJson } from "../../shared/vectors/shape.ts";
import { comparable } from "./agreement.ts";
import { WasmRunner } from "./wasm-runner.ts";

const RUNS = Number(process.env.FUZZ_RUNS ?? 5000);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const MEBIBYTE = 1024 * 1024;
/** More than any vector's targets and their further calls. */
const MOST_CALLS = 16;

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

/** Counterexamples name a vector by its place, as its bytes would fill the screen. */
function vectorAt(index: number): Vector {
  const vector = corpus[index];
  if (vector === undefined) throw new Error(`there is no vector ${index}`);
  return vector;
}

function mutate(body: Buffer, changes: Edit[]): Buffer {
  let changed = body;
  for (const { at, remove, insert } of changes) {
    const from = at % (changed.length + 1);
    changed = Buffer.concat([changed.subarray(0, from), insert, changed.subarray(from + remove)]);
  }
  return changed;
}

/** The vector with other bodies. Its providers answer any call, also those that the vector never makes. */
function withBodies(vector: Vector, request: (body: Buffer) => Buffer, answer: (script: Message) => Buffer): Vector {
  const usual: Message = { ...vector.request, status: 200, headers: {}, body: Buffer.from('{"choices":[]}') };
  const given = vector.attempts.map((attempt) => attempt.answers).filter(({ status }) => status !== 0);
  const mutated = (given.length === 0 ? [usual] : given).map((script) => ({
    sees: null,
    answers: { ...script, body: answer(script) },
  }));
  const attempts = Array.from({ length: MOST_CALLS }, () => mutated).flat();
  return { ...vector, request: { ...vector.request, body: request(vector.request.body) }, attempts };
}

/** JSON of the right words in the wrong places: values of any type under every name that the vectors know. */
const names = [...new Set(corpus.flatMap((vector) => namesIn(vector)))].sort();
const { odd } = fc.letrec<{ odd: unknown }>((tie) => ({
  odd: fc.oneof(
    { maxDepth: 6, depthSize: "medium" },
    fc.constantFrom<unknown>(null, true, false, 0, 1, -1, 0.5, 2 ** 31, 1e300, "", "demo", "user", "assistant", "tool"),
    fc.constantFrom<unknown>("text", "function", "data:image/png;base64,AA==", "stop", "end_turn", '{"a":1}', "\ud800"),
    fc.string({ maxLength: 6 }),
    fc.array(tie("odd"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...names), tie("odd"), { maxKeys: 6 }),
  ),
}));

function namesIn({ request, attempts }: Vector): string[] {
  const bodies = [request.body, ...attempts.map(({ answers }) => answers.body)];
  return bodies.flatMap((body) => [...body.toString().matchAll(/"(\w+)":/g)].map(([, name]) => name ?? ""));
}

/** The odd value in the place of one member of a body, or of one in each event. */
function planted(body: Buffer, name: string, value: unknown): Buffer {
  const member = new RegExp(`"${name}": ?("[^"]*"|[\\w.-]+|\\[\\]|\\{\\})`, "g");
  return Buffer.from(body.toString().replace(member, () => `"${name}":${JSON.stringify(value)}`));
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

/** Plays the vector in the VM for its targets, and in the core at the same time of day. */
function inBoth(vector: Vector, cut: Cut): { inWasm: Outcome; inCore: Outcome } {
  const runner = runnerFor(vector);
  const now = Number(runner.envoy.host.time / 1_000_000n);
  try {
    return { inWasm: runner.run(vector, cut), inCore: runInCore(vector, cut, now) };
  } catch (problem) {
    // A VM that trapped is of no more use to the runs that follow.
    runners.clear();
    throw problem;
  }
}

/** What must be the same, with events instead of bytes: the line end behind a stream's last event may go or stay. */
function inEvents(outcome: Outcome) {
  const { client, ...others } = comparable(outcome);
  return { ...others, client: { ...client, body: asEvents(outcome.client.body) } };
}

/** What holds of any answer, whatever was sent. */
function checkSense(name: string, { client, records }: Outcome): void {
  expect(records.length).toBeLessThanOrEqual(1);
  if (client.status >= 400) {
    const string = expect.any(String);
    const shape = { message: string, type: string };
    expect(asJson(client.body)).toMatchObject({ error: shape });
    return;
  }
  if (!client.headers["content-type"]?.startsWith("text/event-stream")) return;
  const ends = asEvents(client.body).filter((event) => String((event as { data?: unknown }).data).startsWith("[DONE]"));
  // Streams of images end with an event of their own.
  const ended = records[0]?.outcome === "ok" && !String(records[0].endpoint).startsWith("/v1/images/");
  expect(ends.length, `how often [DONE] is sent in ${name}`).toBe(ended ? 1 : 0);
}

function expectAgreement(vector: Vector, cut: Cut): void {
  const { inWasm, inCore } = inBoth(vector, cut);
  expect(comparable(inWasm), vector.name).toEqual(comparable(inCore));
  checkSense(vector.name, inWasm);
}

afterAll(() => {
  const largest = Math.max(...[...runners.values()].map(({ envoy }) => envoy.host.memorySize));
  expect(largest, "bytes of memory after all runs").toBeLessThanOrEqual(16 * MEBIBYTE);
});

describe("both builds", { timeout: 60_000 + RUNS * 50 }, () => {
  const index = fc.constantFrom(...corpus.keys());

  test(`agree on ${RUNS} mutations of bytes`, () => {
    const input = fc.record({ index, requestEdits: edits, answerEdits: edits, ends: places });
    fc.assert(
      fc.property(input, ({ index, requestEdits, answerEdits, ends }) => {
        const mutated = withBodies(
          vectorAt(index),
          (body) => mutate(body, requestEdits),
          ({ body }) => mutate(body, answerEdits),
        );
        expectAgreement(mutated, cutAt(ends));
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test(`agree on ${RUNS} odd values in known members`, () => {
    const plants = fc.array(fc.record({ name: fc.constantFrom(...names), value: odd }), { maxLength: 3 });
    const plant = (body: Buffer, list: { name: string; value: unknown }[]) =>
      list.reduce((planting, { name, value }) => planted(planting, name, value), body);
    fc.assert(
      fc.property(index, plants, plants, (index, inRequest, inAnswer) => {
        const mutated = withBodies(
          vectorAt(index),
          (body) => plant(body, inRequest),
          ({ body }) => plant(body, inAnswer),
        );
        expectAgreement(mutated, (stream) => [stream]);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test(`agree on ${RUNS} requests and answers made of odd values alone`, () => {
    const body = fc.dictionary(fc.constantFrom(...names), odd, { maxKeys: 8 });
    fc.assert(
      fc.property(index, body, fc.array(odd, { maxLength: 4 }), (index, request, answers) => {
        const whole = {
          messages: [{ role: "user", content: "Hi" }],
          ...request,
          model: "demo",
          stream: request.stream === 1,
        };
        const mutated = withBodies(
          vectorAt(index),
          () => Buffer.from(JSON.stringify(whole)),
          ({ stream }) =>
            Buffer.from(
              stream
                ? answers.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")
                : JSON.stringify(answers[0] ?? {}),
            ),
        );
        expectAgreement(mutated, (stream) => [stream]);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test("agree on every stream, cut at every byte", () => {
    for (const vector of corpus.filter(({ attempts }) => attempts.some(({ answers }) => answers.stream))) {
      const whole = inEvents(runInCore(vector, (stream) => [stream]));
      const longest = Math.max(...vector.attempts.map(({ answers }) => answers.body.length));
      for (let at = 0; at <= longest; at++) {
        expect(inEvents(runInCore(vector, cutAt([at]))), `${vector.name} cut at ${at}`).toEqual(whole);
        if (at % 16 === 0) expectAgreement(vector, cutAt([at]));
      }
    }
  });
});
