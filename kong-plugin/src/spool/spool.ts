import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { RecordJournal } from "../relay/journal.ts";

/** A file in which more bytes than this are of records that are stored is written anew without them. */
const MOST_STORED_BYTES = 8 * 1024 * 1024;
const LINE_END = Buffer.from("\n");

/** The file of a process: which epoch its records are of, and who writes it. */
export function spoolFile(folder: string, epoch: string, pid: number): string {
  return join(folder, `${epoch}.${pid}.records`);
}

interface Line {
  sequence: number;
  bytes: number;
}

/**
 * The usage records of this process that are not stored yet, on disk: one line of JSON each, in the order of their
 * sequence. A process that dies leaves its file, which the next one delivers (`Replay`).
 *
 * It is as long as the core's own list of them, which takes no further operations when it is full.
 */
export class Spool implements RecordJournal {
  readonly #folder: string;
  readonly #path: string;
  readonly #failed: (error: Error) => void;
  #file: number;
  /** Lines whose records are not stored. */
  #open: Line[] = [];
  /** Bytes of the lines before those. */
  #storedBytes = 0;

  /** Throws when the folder cannot be written. `failed` hears of later faults, which lose nothing while the process lives. */
  constructor(folder: string, epoch: string, failed: (error: Error) => void) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#folder = folder;
    this.#path = spoolFile(folder, epoch, process.pid);
    this.#failed = failed;
    this.#file = openSync(this.#path, "a", 0o600);
  }

  add(sequence: number, record: Uint8Array): void {
    try {
      const line = Buffer.concat([record, LINE_END]);
      writeAll(this.#file, line);
      this.#open.push({ sequence, bytes: line.length });
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  stored(sequence: number): void {
    let count = 0;
    for (const line of this.#open) {
      if (line.sequence > sequence) break;
      this.#storedBytes += line.bytes;
      count++;
    }
    if (count === 0) return;
    this.#open = this.#open.slice(count);
    try {
      this.#shorten();
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #shorten(): void {
    if (this.#open.length === 0) ftruncateSync(this.#file, 0);
    else if (this.#storedBytes < MOST_STORED_BYTES) return;
    else this.#rewrite();
    this.#storedBytes = 0;
  }

  #rewrite(): void {
    const rest = readFileSync(this.#path).subarray(this.#storedBytes);
    // Of one name for all processes: what one that died in the middle has left is written over by the next.
    const draft = join(this.#folder, "draft");
    const fresh = openSync(draft, "w", 0o600);
    writeAll(fresh, rest);
    renameSync(draft, this.#path);
    closeSync(this.#file);
    closeSync(fresh);
    this.#file = openSync(this.#path, "a");
  }

  /** No record is added any more. The file stays if it has any that is not stored. */
  close(): void {
    closeSync(this.#file);
    if (this.#open.length === 0) unlinkSync(this.#path);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
