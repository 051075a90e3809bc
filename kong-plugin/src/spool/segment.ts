import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { promisify } from "node:util";
import { headLine, readLines } from "./lines.ts";

const synchronize = promisify(fdatasync);
const NEW = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL;

/** One file of the spool: records whose sequence numbers follow each other. */
export class Segment {
  readonly #path: string;
  readonly #file: number;
  readonly #headBytes: number;
  #first: number;
  #count = 0;
  #bytes = 0;
  /** There are bytes that may not be on disk yet. */
  #dirty = true;
  #syncing = false;
  /** Nothing is written any more. */
  #sealed = false;
  #open = true;

  /** A new file. Throws when it cannot be made. `first`: the sequence number of its first record. */
  constructor(path: string, node: string, epoch: string, first: number) {
    this.#path = path;
    this.#first = first;
    this.#file = openSync(path, NEW, 0o600);
    const head = headLine(node, epoch);
    this.#headBytes = head.length;
    try {
      this.#write(head);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The sequence number of the last record; the one before the first while there is none. */
  get last(): number {
    return this.#first + this.#count - 1;
  }

  get isDirty(): boolean {
    return this.#dirty;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  has(sequence: number): boolean {
    return sequence >= this.#first && sequence <= this.last;
  }

  /** Throws when the line could not be written; no part of it stays. */
  append(line: Uint8Array): void {
    this.#write(line);
    this.#count++;
  }

  #write(bytes: Uint8Array): void {
    this.#dirty = true;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
    } catch (error) {
      this.#cutTo(this.#bytes);
      throw error;
    }
    this.#bytes += bytes.length;
  }

  #cutTo(bytes: number): void {
    try {
      ftruncateSync(this.#file, bytes);
    } catch {
      // What stays is a torn line, and whoever reads the file passes over it.
    }
  }

  /** All of its records are stored: the next to come has the number `next`. */
  empty(next: number): void {
    this.#first = next;
    if (this.#count === 0) return;
    ftruncateSync(this.#file, this.#headBytes);
    this.#count = 0;
    this.#bytes = this.#headBytes;
  }

  /** Resolves when all that was written before is on disk. After a failure it must be abandoned. Never called while it is under way. */
  async sync(): Promise<void> {
    if (!this.#open) return;
    this.#dirty = false;
    this.#syncing = true;
    try {
      await synchronize(this.#file);
    } finally {
      this.#syncing = false;
      this.#closeIfDone();
    }
  }

  syncNow(): void {
    if (this.#open && this.#dirty) fdatasyncSync(this.#file);
    this.#dirty = false;
  }

  /** Takes no further records. */
  seal(): void {
    this.#sealed = true;
    this.#closeIfDone();
  }

  /** Takes no further records, and nobody waits until they are on disk. */
  abandon(): void {
    this.#dirty = false;
    this.seal();
  }

  remove(): void {
    this.abandon();
    rmSync(this.#path, { force: true });
  }

  #closeIfDone(): void {
    if (!this.#sealed || this.#dirty || this.#syncing || !this.#open) return;
    this.#open = false;
    closeSync(this.#file);
  }

  /** Those of its records whose numbers are in [from, to], as JSON, as far as they can be read. */
  read(from: number, to: number): Buffer[] {
    const { records } = readLines(readFileSync(this.#path));
    return records.slice(Math.max(from - this.#first, 0), to - this.#first + 1).filter((record) => record !== null);
  }
}
