/** Makes inputs of the vectors: calls of one kind of provider, bent a little, in the form that `play.ts` reads. */
import { gzipSync } from "node:zlib";
import { capabilitiesOf, type ProviderKind, providerKinds } from "@oneapi/contract";
import { endpointOf, NO_ENDPOINT } from "../../shared/core/gateway/endpoint.ts";
import { loadVectors, type Message, type Target, type Vector } from "../../shared/vectors/load.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";

/** Longer ones take too much of the time. */
const LONGEST_SEED = 20_000;

export const KINDS: string[] = [...providerKinds];

/** What is known of one kind: the calls of its vectors, and all of their answers. */
export interface Corpus {
  readonly kind: string;
  readonly calls: readonly Call[];
  readonly answers: readonly Message[];
}

interface Call {
  readonly vector: Vector;
  readonly target: Target;
  readonly endpoint: number;
  readonly answers: readonly Message[];
}

/** A made input, and what it was made of. */
export interface Case {
  readonly vector: Vector;
  readonly input: Buffer;
  readonly request: Buffer;
  readonly answer: Message;
  readonly ends: readonly number[];
}

export function corpusOf(kind: string, vectors: readonly Vector[] = loadVectors()): Corpus {
  const short = vectors.filter(({ request, attempts }) =>
    [request, ...attempts.map(({ answers }) => answers)].every(({ body }) => body.length < LONGEST_SEED),
  );
  const calls = short.flatMap((vector) => callsOf(vector, kind));
  return { kind, calls, answers: calls.flatMap(({ answers }) => answers) };
}

function callsOf(vector: Vector, kind: string): Call[] {
  const target = vector.targets.find((target) => target.kind === kind);
  const endpoint = endpointOf(vector.request.path?.replace(/\?.*/, "") ?? "");
  if (target === undefined || endpoint === NO_ENDPOINT || vector.request.method !== "POST") return [];
  const answers = vector.attempts.map(({ answers }) => answers).filter(({ status }) => status > 0);
  return answers.length === 0 ? [] : [{ vector, target, endpoint, answers }];
}

/** The input of this number; the same for the same seed. */
export function makeCase(corpus: Corpus, seed: number, number: number): Case {
  const random = new Random(seed, number);
  const call = random.of(corpus.calls);
  const script = random.once(8) ? random.of(corpus.answers) : random.of(call.answers);
  const other = random.of(corpus.calls);
  const bendsRequest = random.once(4);
  const request = bendsRequest
    ? mutate(call.vector.request.body, other.vector.request.body, random)
    : call.vector.request.body;
  const bent =
    bendsRequest && random.once(2) ? script.body : mutate(script.body, random.of(corpus.answers).body, random);
  const zipped = random.once(50) && script.headers["content-encoding"] === undefined;
  const answer: Message = {
    ...script,
    status: random.once(20) ? random.of([200, 204, 301, 400, 401, 404, 429, 500, 503, 529]) : script.status,
    stream: random.once(20) ? !script.stream : script.stream,
    headers: zipped ? { ...script.headers, "content-encoding": "gzip" } : script.headers,
    body: zipped ? damaged(gzipSync(bent), random) : bent,
  };
  const ends = cutsOf(answer.body.length, random);
  return { vector: call.vector, input: encode(call, request, answer, ends), request, answer, ends };
}

function damaged(bytes: Buffer, random: Random): Buffer {
  if (random.once(2)) return bytes;
  if (random.once(2)) return bytes.subarray(0, random.below(bytes.length));
  const changed = Buffer.from(bytes);
  changed[random.below(bytes.length)] = random.below(256);
  return changed;
}

function cutsOf(length: number, random: Random): number[] {
  const ends = random.once(3) ? [] : Array.from({ length: random.below(9) }, () => random.below(length + 1));
  return [...ends.sort((a, b) => a - b), length];
}

function encode(call: Call, request: Buffer, answer: Message, ends: readonly number[]): Buffer {
  const { target, endpoint, vector } = call;
  const { pathname, search } = new URL(target.baseUrl);
  const type = answer.headers["content-type"];
  const labelled = type === undefined ? answer.stream : (type ?? "").startsWith("text/event-stream");
  const capabilities = capabilitiesOf(target.kind as ProviderKind, target.model, target.capabilities) ?? {};
  const fields: (number | string | Buffer)[] = [
    ...[target.kind, pathname.replace(/\/$/, ""), search.slice(1), JSON.stringify(target.options), target.model],
    JSON.stringify(capabilities),
    ...[vector.unsupported === "reject" ? 1 : 0, endpoint, request],
    ...[answer.status, labelled ? 1 : 0, answer.headers["content-encoding"] ?? "", answer.body],
    ...[ends.length, ...ends],
  ];
  return Buffer.concat(
    fields.flatMap((field) => (typeof field === "number" ? [word(field)] : sized(Buffer.from(field)))),
  );
}

function sized(bytes: Buffer): Buffer[] {
  return [word(bytes.length), bytes];
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
