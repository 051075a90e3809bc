/** One thread of the fuzz: plays the inputs that it is told to, and says which it is at. */
import { parentPort, workerData } from "node:worker_threads";
import { type Corpus, corpusOf } from "./case.ts";
import { type Finding, Race } from "./race.ts";

export interface Work {
  core: Uint8Array<ArrayBuffer>;
  /** Holds the number of the input that is being played. */
  place: SharedArrayBuffer;
  seed: number;
}

export interface Task {
  kind: string;
  from: number;
  to: number;
}

export interface Report {
  played: number;
  findings: Finding[];
  memory: number;
}

/** More of them only repeat what the first ones say. */
const MOST_FINDINGS = 20;

const { core, place, seed } = workerData as Work;
const race = new Race(core);
const at = new Int32Array(place);
const corpora = new Map<string, Corpus>();

parentPort?.on("message", ({ kind, from, to }: Task) => {
  const corpus = corpora.get(kind) ?? corpusOf(kind);
  corpora.set(kind, corpus);
  const findings: Finding[] = [];
  for (let number = from; number < to; number++) {
    Atomics.store(at, 0, number);
    const finding = race.play(corpus, seed, number);
    if (finding !== null && findings.length < MOST_FINDINGS) findings.push(finding);
  }
  Atomics.store(at, 0, -1);
  const report: Report = { played: to - from, findings, memory: race.memory };
  parentPort?.postMessage(report);
});
