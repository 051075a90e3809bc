/** One suite for every build: each vector, with streams whole and in pieces, has one right outcome. */
import { describe, expect, test } from "vitest";
import { loadVectors, type Message, type Vector } from "./load.ts";
import { asEvents, asExpectation, asJson } from "./shape.ts";

/** A message as a build sent it. */
export interface Sent {
  method: string;
  path: string;
  status: number;
  /** By lower-case name. */
  headers: Record<string, string>;
  body: Buffer;
}

export interface Outcome {
  /** What each attempt's provider got. */
  requests: Sent[];
  client: Sent;
  records: Record<string, unknown>[];
}

/** Plays a vector through a build; `cut` says in what pieces a stream arrives. */
export type Runner = (vector: Vector, cut: Cut) => Outcome | Promise<Outcome>;

export interface Settings {
  vectors?: Vector[];
  /** Why a build cannot show a vector, by its name. */
  skip?: Record<string, string>;
  /** Whether a vector's streams are also sent in pieces of so many bytes; without it all are. */
  isCut?: (vector: Vector, size: number) => boolean;
  /** Whether the runner takes several vectors at a time. */
  concurrent?: boolean;
}

/** Into what pieces a stream is cut. */
export type Cut = (stream: Buffer) => Buffer[];

const WHOLE: Cut = (stream) => [stream];
const CUTS: [how: string, size: number][] = [
  [", byte by byte", 1],
  [", in pieces of 7 bytes", 7],
];

export function inPieces(stream: Buffer, size: number): Buffer[] {
  const count = Math.max(1, Math.ceil(stream.length / size));
  return Array.from({ length: count }, (_, index) => stream.subarray(index * size, (index + 1) * size));
}

export function conformance(build: string, run: Runner, settings: Settings = {}): void {
  const { vectors = loadVectors(), skip = {}, isCut = () => true, concurrent = false } = settings;
  describe(build, { concurrent }, () => {
    for (const vector of vectors) {
      const streams = vector.client.stream || vector.attempts.some(({ answers }) => answers.stream);
      const reason = skip[vector.name];
      const plays: [how: string, cut: Cut][] = [[streams ? ", whole" : "", WHOLE]];
      for (const [how, size] of CUTS) {
        if (streams && isCut(vector, size)) plays.push([how, (stream) => inPieces(stream, size)]);
      }
      for (const [how, cut] of plays) {
        const title = vector.name + how + (reason === undefined ? "" : ` (${reason})`);
        test.skipIf(reason !== undefined)(title, async () => check(vector, await run(vector, cut)));
      }
    }
  });
}

/** Fails the running test unless the outcome is the vector's. */
export function check(vector: Vector, outcome: Outcome): void {
  const { request, attempts, client, record } = vector;
  const answered = attempts.at(-1)?.answers.body ?? Buffer.alloc(0);
  checkMessage("what the client sees", client, outcome.client, answered);
  expect(outcome.requests.length, "calls to providers").toBe(attempts.length);
  for (const [index, { sees }] of attempts.entries()) {
    const sent = outcome.requests[index];
    if (sees !== null && sent !== undefined) checkMessage(`what provider ${index + 1} sees`, sees, sent, request.body);
  }
  if (record === null) expect(outcome.records, "records").toEqual([]);
  else if (record !== undefined) checkRecord(record, outcome.records);
}

function checkMessage(what: string, expected: Message, sent: Sent, original: Buffer): void {
  // Status and text first: they explain a difference better than any other part.
  expect({ status: sent.status, body: shapeOf(sent.body, expected) }, what).toEqual({
    status: expected.status,
    body: expected.same ? original.toString("latin1") : asExpectation(shapeOf(expected.body, expected)),
  });
  if (expected.path !== null) {
    expect(`${sent.method} ${sent.path}`, what).toBe(`${expected.method} ${expected.path}`);
  }
  for (const [name, value] of Object.entries(expected.headers)) {
    expect(sent.headers[name] ?? null, `${name} in ${what}`).toEqual(asExpectation(value));
  }
  if (sent.body.length > 0 && expected.headers["content-type"] === undefined) {
    const type = expected.stream ? /^text\/event-stream\b/ : /^(application\/json|text\/event-stream)\b/;
    expect(sent.headers["content-type"], `content type of ${what}`).toMatch(type);
  }
}

function shapeOf(body: Buffer, expected: Message): unknown {
  if (expected.same) return body.toString("latin1");
  return expected.stream ? asEvents(body) : asJson(body);
}

function checkRecord(expected: Record<string, unknown>, records: Record<string, unknown>[]): void {
  expect(records.length, "number of records").toBe(1);
  const { usage, attempts, ...members } = expected;
  const record = records[0] ?? {};
  expect(record, "record").toMatchObject(members);
  if (Array.isArray(attempts)) expect(record.attempts, "attempts in the record").toMatchObject(attempts);
  if (usage !== undefined) {
    const told = Object.entries(record.usage as Record<string, number>).filter(([, tokens]) => tokens !== 0);
    expect(Object.fromEntries(told), "usage in the record").toEqual(usage);
  }
}
