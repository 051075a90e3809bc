/** `npm run fuzz`: mutated calls and answers of each kind of provider, through both builds of the core. test/README.md tells how. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { buildModule } from "../../deploy/envoy/module.ts";
import { compileCore } from "./builds.ts";
import { KINDS } from "./case.ts";
import type { Report, Task, Work } from "./worker.ts";

/** Inputs that a thread is given at a time. */
const PORTION = 5000;
/** An input that takes so long does not end. */
const HANG_MS = 20_000;
const WATCH_MS = 1000;

interface Sum {
  played: number;
  findings: number;
  memory: number;
}

const options = readOptions();
await buildModule(console.error);
const core = compileCore();
const started = performance.now();
// All kinds in turn: a long run says something of each early.
const tasks = options.kinds
  .flatMap((kind) => portions(kind, options.from, options.inputs))
  .sort((a, b) => a.from - b.from);
const sums = new Map<string, Sum>(options.kinds.map((kind) => [kind, { played: 0, findings: 0, memory: 0 }]));
await Promise.all(Array.from({ length: Math.min(options.workers, tasks.length) }, () => thread()));
report();

function readOptions() {
  const { values } = parseArgs({
    options: {
      inputs: { type: "string", default: "10000" },
      kind: { type: "string", multiple: true, default: KINDS },
      seed: { type: "string", default: "1" },
      from: { type: "string", default: "0" },
      workers: { type: "string", default: String(availableParallelism()) },
    },
  });
  const unknown = values.kind.filter((kind) => !KINDS.includes(kind));
  if (unknown.length > 0) fail(`no such kind: ${unknown.join(", ")} (there are ${KINDS.join(", ")})`);
  const count = (name: "inputs" | "seed" | "from" | "workers"): number => {
    const number = Number(values[name]);
    return Number.isSafeInteger(number) && number >= 0 ? number : fail(`--${name} takes a whole number`);
  };
  return {
    kinds: values.kind,
    inputs: count("inputs"),
    seed: count("seed"),
    from: count("from"),
    workers: Math.max(1, count("workers")),
  };
}

function fail(message: string): never {
  console.error(`${message}\nusage: npm run fuzz -- [--inputs N] [--kind NAME]… [--seed N] [--from N] [--workers N]`);
  process.exit(2);
}

function portions(kind: string, from: number, inputs: number): Task[] {
  return Array.from({ length: Math.ceil(inputs / PORTION) }, (_, index) => ({
    kind,
    from: from + index * PORTION,
    to: from + Math.min(inputs, (index + 1) * PORTION),
  }));
}

/** Works until no task is left; a thread that hangs is ended, and another goes on behind the input it hung on. */
async function thread(): Promise<void> {
  for (let task = tasks.shift(); task !== undefined; ) {
    const place = new SharedArrayBuffer(4);
    const worker = new Worker(new URL("worker.ts", import.meta.url), {
      workerData: { core, place, seed: options.seed } satisfies Work,
    });
    let hungAt = -1;
    while (task !== undefined && hungAt < 0) {
      const outcome = await portion(worker, place, task);
      if (typeof outcome === "number") hungAt = outcome;
      else {
        add(task.kind, outcome);
        task = tasks.shift();
      }
    }
    await worker.terminate();
    if (task === undefined) return;
    const { kind, from, to }: Task = task;
    add(kind, {
      played: hungAt - from,
      findings: [{ kind, number: hungAt, what: "it hangs, or breaks the thread" }],
      memory: 0,
    });
    task = hungAt + 1 < to ? { kind, from: hungAt + 1, to } : tasks.shift();
  }
}

/** What came of the task, or the number of the input on which the thread hung. */
function portion(worker: Worker, place: SharedArrayBuffer, task: Task): Promise<Report | number> {
  const at = new Int32Array(place);
  return new Promise((resolve) => {
    let last = -2;
    let since = performance.now();
    const settle = (outcome: Report | number) => {
      clearInterval(watch);
      worker.off("message", settle).off("error", broken);
      resolve(outcome);
    };
    const broken = (problem: unknown) => {
      console.error(problem);
      settle(Math.max(Atomics.load(at, 0), task.from));
    };
    const watch = setInterval(() => {
      const number = Atomics.load(at, 0);
      if (number !== last) [last, since] = [number, performance.now()];
      else if (performance.now() - since > HANG_MS) settle(Math.max(number, task.from));
    }, WATCH_MS);
    worker.on("message", settle).on("error", broken);
    worker.postMessage(task);
  });
}

function add(kind: string, outcome: Report): void {
  const sum = sums.get(kind);
  if (sum === undefined) return;
  sum.played += outcome.played;
  sum.findings += outcome.findings.length;
  for (const { number, what } of outcome.findings) {
    console.log(`FOUND: --kind ${kind} --seed ${options.seed} --from ${number} --inputs 1\n${what}`);
  }
  sum.memory = Math.max(sum.memory, outcome.memory);
  if (sum.played % 100_000 < outcome.played) console.log(`${kind}: ${sum.played} inputs, ${sum.findings} findings`);
}

function report(): void {
  let findings = 0;
  for (const [kind, sum] of sums) {
    findings += sum.findings;
    const memory = (sum.memory / 2 ** 20).toFixed(1);
    console.log(`${kind}: ${sum.played} inputs, ${sum.findings} findings, ${memory} MiB`);
  }
  console.log(`${findings} findings in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  process.exit(findings === 0 ? 0 : 1);
}
