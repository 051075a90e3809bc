/** Where a command reads and writes; tests pass their own. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What a script reads: one text, ended by a line break here. */
  out(text: string): void;
  /** What a person reads. */
  error(text: string): void;
  readInput(): Promise<string>;
}

/** How a command ended, as the process's exit code. */
export const DONE = 0;
export const REFUSED = 1;
export const WRONG_USAGE = 2;

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `--help` prints. */
  readonly usage: string;
  /** @throws {UsageError} for arguments that it does not know; any other error is a failure of the work. */
  run(args: string[], terminal: Terminal): Promise<number>;
}

/** The command line is wrong; the message says how. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
