import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

export type Command = {
  /** In messages: `control service`. */
  name: string;
  program: string;
  args: string[];
  /** Added to this process's own environment. */
  env?: Record<string, string>;
  /** Asks the process to finish what it is at, before it is told to end. */
  drain?: () => Promise<void>;
};

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** A process that ran this long before it died was well: the next pause is the first one again. */
const WELL_MS = 10_000;
/** From SIGTERM to SIGKILL. */
const GRACE_MS = 5_000;

/** One process that is kept running: started anew with the same arguments, so with the same address, when it dies. */
export class Part {
  private readonly command: Command;
  private readonly log: (text: string) => void;
  private child: ChildProcess | null = null;
  private stopping = false;
  private keeping = false;
  private pause = FIRST_PAUSE_MS;

  constructor(command: Command, log: (text: string) => void) {
    this.command = command;
    this.log = log;
  }

  get name(): string {
    return this.command.name;
  }

  /** Whether it asks for time to finish what it is at. */
  get drains(): boolean {
    return this.command.drain !== undefined;
  }

  /** The running process's own id. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  start(): void {
    const started = performance.now();
    const child = spawn(this.command.program, this.command.args, {
      env: { ...process.env, ...this.command.env },
      // What it prints is log, and stdout is not for logs.
      stdio: ["ignore", process.stderr.fd, process.stderr.fd],
      // A group of its own, so that Ctrl-C reaches it through us alone, in order.
      detached: true,
    });
    this.child = child;
    const guard = child.pid === undefined ? null : startGuard(child.pid);
    child.once("error", (error) => this.log(`${this.name} cannot be started: ${error.message}`));
    child.once("close", (code, signal) => {
      this.child = null;
      guard?.kill("SIGKILL");
      killGroup(child.pid);
      if (this.stopping) return;
      this.log(`${this.name} ended (${signal ?? `exit code ${code}`})`);
      if (this.keeping) void this.restart(performance.now() - started);
    });
  }

  private async restart(livedMs: number): Promise<void> {
    if (livedMs >= WELL_MS) this.pause = FIRST_PAUSE_MS;
    await sleep(this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
    if (!this.stopping) this.start();
  }

  /**
   * Waits until `check` answers true, and keeps the process running from then on. Rejects when it ends before that: what
   * cannot start is not started again and again.
   */
  async ready(check: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (this.child !== null) {
      if (await check()) {
        this.keeping = true;
        return;
      }
      if (performance.now() > deadline) throw new Error(`${this.name} did not answer within ${timeoutMs / 1000} s`);
      await sleep(50);
    }
    throw new Error(`${this.name} ended before it was ready; see its messages above`);
  }

  /** Tells the process to end by itself, once it is done with what it is at; it is not started again. */
  retire(signal: NodeJS.Signals): void {
    this.stopping = true;
    this.child?.kill(signal);
  }

  /** Ends the process and resolves when it is gone. */
  async stop(): Promise<void> {
    this.stopping = true;
    const child = this.child;
    if (child === null) return;
    const gone = once(child, "close");
    await this.command.drain?.();
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
    await gone;
    clearTimeout(kill);
  }
}

/** What a process has started goes with it: the workers of an nginx outlive a master that is killed, and keep its address. */
function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // Nothing of it is left.
  }
}

/**
 * A shell that waits for this process to end, however it ends (its stdin closes then), and takes the other process with
 * it. So nothing is left running when `up` is killed.
 */
export function startGuard(pid: number): ChildProcess {
  const script = 'read -r _; kill -TERM "$0"';
  return spawn("sh", ["-c", script, `${pid}`], { stdio: ["pipe", "ignore", "ignore"], detached: true });
}
