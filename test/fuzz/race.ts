/** Plays inputs in both builds and says where they part, break or dawdle. */
import { isDeepStrictEqual } from "node:util";
import { comparable } from "../../envoy-wasm/test/agreement.ts";
import { WasmRunner } from "../../envoy-wasm/test/wasm-runner.ts";
import type { Cut } from "../../shared/vectors/conformance.ts";
import { runInCore } from "../../shared/vectors/core-runner.ts";
import type { Message, Vector } from "../../shared/vectors/load.ts";
import { type Build, inNode, inWasm } from "./builds.ts";
import { type Case, type Corpus, makeCase } from "./case.ts";

/** One input may take no longer, in both builds together. */
const LONGEST_MS = 2000;
/** Of so many inputs one is also sent through the whole filter of `oneapi.wasm`, which takes far longer. */
const FILTER_EVERY = 500;

/** Calls that get the made answer: fewer than those for which the filter has time, when a task is never done. */
const MADE_ANSWERS = 8;
/** More calls than any input makes of its providers after that. */
const REFUSALS = 100;

export interface Finding {
  kind: string;
  number: number;
  what: string;
}

export class Race {
  readonly #core: WebAssembly.Module;
  readonly #node: Build = inNode();
  #wasm: ReturnType<typeof inWasm>;
  readonly #runners = new Map<string, WasmRunner>();

  /** `core`: what `compileCore` made. */
  constructor(core: Uint8Array<ArrayBuffer>) {
    this.#core = new WebAssembly.Module(core);
    this.#wasm = inWasm(this.#core);
  }

  /** Bytes of the module's memory, which never shrinks. */
  get memory(): number {
    return this.#wasm.memory();
  }

  /** Plays the input of this number; null when all is well. */
  play(corpus: Corpus, seed: number, number: number): Finding | null {
    const made = makeCase(corpus, seed, number);
    const what = this.#compare(made.input) ?? (number % FILTER_EVERY === 0 ? this.#throughFilter(made) : null);
    return what === null ? null : { kind: corpus.kind, number, what };
  }

  #compare(input: Buffer): string | null {
    const start = performance.now();
    const node = outcomeOf(this.#node, input);
    const wasm = outcomeOf(this.#wasm, input);
    const taken = performance.now() - start;
    if (typeof wasm === "string") this.#wasm = inWasm(this.#core);
    if (typeof node === "string") return `Node: ${node}`;
    if (typeof wasm === "string") return wasm;
    if (!node.equals(wasm)) {
      return `the builds differ:\n${node.toString("latin1")}\n--- and ---\n${wasm.toString("latin1")}`;
    }
    return taken < LONGEST_MS || this.#isQuickAgain(input) ? null : `it took ${Math.round(taken)} ms`;
  }

  /** On a busy machine a thread may have waited for its turn. */
  #isQuickAgain(input: Buffer): boolean {
    for (let time = 0; time < 5; time++) {
      const start = performance.now();
      outcomeOf(this.#node, input);
      outcomeOf(this.#wasm, input);
      if (performance.now() - start < LONGEST_MS) return true;
    }
    return false;
  }

  #throughFilter({ vector, request, answer, ends }: Case): string | null {
    const refusal: Message = { ...answer, status: 400, headers: {}, body: Buffer.from("{}"), stream: false };
    const attempts = Array.from({ length: MADE_ANSWERS + REFUSALS }, (_, index) => ({
      sees: null,
      answers: index < MADE_ANSWERS ? answer : refusal,
    }));
    const bent: Vector = { ...vector, request: { ...vector.request, body: request }, attempts };
    const cut: Cut = (stream) =>
      ends.map((end, index) =>
        stream.subarray(index === 0 ? 0 : ends[index - 1], index === ends.length - 1 ? undefined : end),
      );
    try {
      const runner = this.#runnerFor(vector);
      const now = Number(runner.envoy.host.time / 1_000_000n);
      const [wasm, node] = [comparable(runner.run(bent, cut)), comparable(runInCore(bent, cut, now))];
      if (isDeepStrictEqual(wasm, node)) return null;
      return `the filter differs:\n${JSON.stringify(node)}\n--- and ---\n${JSON.stringify(wasm)}`;
    } catch (problem) {
      this.#runners.clear();
      return `the filter: ${problem instanceof Error ? problem.stack : problem}`;
    }
  }

  #runnerFor({ targets, unsupported }: Vector): WasmRunner {
    const key = JSON.stringify({ targets, unsupported });
    const runner = this.#runners.get(key) ?? new WasmRunner({ targets, unsupported });
    this.#runners.set(key, runner);
    return runner;
  }
}

/** What a build made of the input, or how it broke. */
function outcomeOf(build: Build, input: Buffer): Buffer | string {
  try {
    return build(input);
  } catch (problem) {
    return problem instanceof Error ? (problem.stack ?? problem.message) : String(problem);
  }
}
