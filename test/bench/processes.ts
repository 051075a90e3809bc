/** Starts and ends the processes of a benchmark. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { startGuard } from "../../deploy/part.ts";

const GRACE_MS = 15_000;

/** All that one run starts, with a log for each in one folder. */
export class Processes {
  private readonly folder: string;
  private readonly running: Process[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  start(name: string, command: string[]): Process {
    const started = new Process(name, command, join(this.folder, `${name}.log`));
    this.running.push(started);
    return started;
  }

  /** Ends all, the last first: what asks others is gone before they are. */
  async stop(): Promise<void> {
    while (this.running.length > 0) await this.running.pop()?.stop();
  }
}

/** One process: its stdout is for the caller, its stderr goes to a file. */
export class Process {
  readonly name: string;
  private readonly child: ChildProcess;
  private readonly log: string;
  private stopping = false;

  constructor(name: string, command: string[], log: string) {
    this.name = name;
    this.log = log;
    const [program = "", ...args] = command;
    // A group of its own, so that Ctrl-C reaches it through us alone, in order.
    this.child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
    this.child.stderr?.pipe(createWriteStream(log, { flags: "a" }));
    this.child.on("error", () => {});
    const guard = this.child.pid === undefined ? null : startGuard(this.child.pid);
    this.child.once("close", () => guard?.kill("SIGKILL"));
  }

  get pid(): number {
    if (this.child.pid === undefined || !this.isRunning) throw this.failure("has ended");
    return this.child.pid;
  }

  private get isRunning(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The first line that it prints. */
  async firstLine(timeoutMs: number): Promise<string> {
    if (this.child.stdout === null) throw this.failure("has no output");
    const lines = createInterface({ input: this.child.stdout });
    const line = once(lines, "line", { signal: AbortSignal.timeout(timeoutMs) }).then(([text]) => `${text}`);
    const ended = once(this.child, "close").then(() => null);
    const first = await Promise.race([line, ended]).catch(() => null);
    if (first === null) throw this.failure("did not start");
    return first;
  }

  /** Waits until `check` is true, asking every `everyMs`. */
  async until(check: () => Promise<boolean>, everyMs = 20, timeoutMs = 30_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await check())) {
      if (!this.isRunning) throw this.failure("has ended");
      if (performance.now() > deadline) throw this.failure(`did not answer within ${timeoutMs / 1000} s`);
      await sleep(everyMs);
    }
  }

  async stop(): Promise<void> {
    if (this.stopping || !this.isRunning) return;
    this.stopping = true;
    const closed = once(this.child, "close");
    this.child.kill("SIGTERM");
    const kill = setTimeout(() => this.child.kill("SIGKILL"), GRACE_MS);
    await closed;
    clearTimeout(kill);
  }

  private failure(what: string): Error {
    let tail = "";
    try {
      tail = readFileSync(this.log, "utf8").slice(-3_000);
    } catch {
      // It was never started, so it has written nothing.
    }
    return new Error(`${this.name} ${what}\n${tail}`);
  }
}
