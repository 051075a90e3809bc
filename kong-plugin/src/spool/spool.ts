import type { JournalCounts, RecordJournal } from "../relay/journal.ts";
import type { SpoolFolder } from "./folder.ts";
import { recordLine } from "./lines.ts";
import { Segment } from "./segment.ts";
import { Waiting } from "./waiting.ts";

/** A file of so many bytes takes no further record. */
const SEGMENT_BYTES = 1024 * 1024;
/** How often the disk is waited for, and tried again after a fault. */
const TURN_MS = 1000;

/**
 * When records are forced to the disk: before the answer that they are of ends, every second, or whenever the system does. What
 * a process has written survives the process in any case; this is about the machine.
 */
export const SYNC_POLICIES = ["always", "interval", "never"] as const;
export type SyncPolicy = (typeof SYNC_POLICIES)[number];

export interface SpoolSettings {
  folder: SpoolFolder;
  node: string;
  epoch: string;
  policy: SyncPolicy;
  /** Beyond this no operation is taken. */
  mostBytes: number;
  log: (text: string) => void;
  /** Called when records have become safe, or when there is room again. */
  changed: () => void;
  clock?: () => number;
}

interface Line {
  sequence: number;
  bytes: Buffer;
}

/**
 * The usage records of this process that are not stored yet, on disk, in files of which each is removed when all of its records
 * are stored. A process that dies leaves them, and the next one delivers them (`Replay`).
 *
 * A fault of the disk loses nothing while the process lives: what could not be written waits in memory, and is written to a
 * new file when the disk does again.
 */
export class Spool implements RecordJournal {
  readonly holdsEnds: boolean;
  readonly #settings: SpoolSettings;
  readonly #waiting: Waiting;
  readonly #timer: NodeJS.Timeout;
  #segments: Segment[] = [];
  #files = 0;
  /** The last of them, if it may be written. */
  #current: Segment | null = null;
  #bytes = 0;
  /** A new file's name may not be on disk. */
  #newNames = false;
  /** Lines that are not in a file. */
  #unwritten: Line[] = [];
  /** Lines that are, and may not be on disk. */
  #unsynced: Line[] = [];
  /** Every record up to it is on disk. */
  #synced = 0;
  #syncing: Promise<void> | null = null;
  #syncDue = false;
  #closed = false;
  /** The disk has failed, and was not written since. */
  #failing = false;
  #failedWrites = 0;
  #failedSyncs = 0;
  /** Told by those who read files. */
  damaged = 0;

  constructor(settings: SpoolSettings) {
    this.#settings = settings;
    this.#waiting = new Waiting(settings.clock ?? Date.now);
    this.holdsEnds = settings.policy === "always";
    try {
      this.#begin(1);
    } catch (error) {
      this.#failedWrites++;
      this.#fail(error as Error);
    }
    this.#timer = setInterval(() => this.#turn(), TURN_MS);
  }

  add(sequence: number, record: Uint8Array): void {
    const line = { sequence, bytes: recordLine(record) };
    this.#waiting.add(sequence);
    if (this.#failing || !this.#write(line)) this.#unwritten.push(line);
    else if (this.holdsEnds) this.#syncSoon();
  }

  #write(line: Line): boolean {
    try {
      this.#segmentFor(line).append(line.bytes);
    } catch (error) {
      this.#failedWrites++;
      this.#fail(error as Error);
      return false;
    }
    this.#bytes += line.bytes.length;
    if (this.#settings.policy !== "never") this.#unsynced.push(line);
    return true;
  }

  #segmentFor({ sequence, bytes }: Line): Segment {
    const current = this.#current;
    if (current !== null && current.bytes + bytes.length <= SEGMENT_BYTES) return current;
    if (this.#settings.policy === "never") current?.abandon();
    else current?.seal();
    return this.#begin(sequence);
  }

  #begin(first: number): Segment {
    const { folder, node, epoch } = this.#settings;
    this.#current = null;
    const segment = new Segment(folder.file(epoch, ++this.#files), node, epoch, first);
    this.#current = segment;
    this.#segments.push(segment);
    this.#bytes += segment.bytes;
    this.#newNames = true;
    return segment;
  }

  /** What was being written is not written to again. */
  #fail(error: Error): void {
    const current = this.#current;
    this.#current = null;
    current?.abandon();
    if (current?.isEmpty) this.#drop(current);
    if (!this.#failing) this.#settings.log(`the spool cannot be written, records wait in memory: ${error.message}`);
    this.#failing = true;
  }

  #drop(segment: Segment): void {
    this.#segments = this.#segments.filter((other) => other !== segment);
    try {
      segment.remove();
    } catch {
      // An empty file stays; the next process removes it.
    }
  }

  stored(sequence: number): void {
    if (!this.#waiting.stored(sequence)) return;
    this.#unwritten = after(this.#unwritten, sequence);
    this.#unsynced = after(this.#unsynced, sequence);
    try {
      this.#segments = this.#segments.filter((segment) => !this.#isDone(segment, sequence));
    } catch (error) {
      // It is removed next time. Its records may come a second time, which does no harm.
      this.#failedWrites++;
      this.#fail(error as Error);
    }
    this.#bytes = this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #isDone(segment: Segment, stored: number): boolean {
    if (segment.last > stored) return false;
    if (segment === this.#current) {
      segment.empty(this.#waiting.last + 1);
      return false;
    }
    segment.remove();
    return true;
  }

  #turn(): void {
    if (this.#failing) this.#tryAgain();
    if (this.#settings.policy !== "never") this.#sync();
    this.#settings.changed();
  }

  #tryAgain(): void {
    const lines = this.#unwritten;
    try {
      this.#begin(lines[0]?.sequence ?? this.#waiting.last + 1);
    } catch {
      this.#failedWrites++;
      return;
    }
    const count = lines.findIndex((line) => !this.#write(line));
    this.#unwritten = count < 0 ? [] : lines.slice(count);
    if (this.#unwritten.length > 0) return;
    this.#failing = false;
    this.#settings.log("the spool is written again");
  }

  /** Once for all that are written before the present turn of the process ends. */
  #syncSoon(): void {
    if (this.#syncDue || this.#syncing !== null) return;
    this.#syncDue = true;
    setImmediate(() => {
      this.#syncDue = false;
      this.#sync();
    });
  }

  #sync(): void {
    const upTo = this.#unsynced.at(-1)?.sequence;
    if (this.#syncing !== null || upTo === undefined || this.#closed) return;
    this.#syncing = this.#force().then(
      () => this.#forced(upTo),
      (error) => this.#notForced(error as Error),
    );
  }

  async #force(): Promise<void> {
    if (this.#newNames) {
      this.#newNames = false;
      await this.#settings.folder.sync().catch((error) => {
        this.#newNames = true;
        throw error;
      });
    }
    for (const segment of this.#segments.filter(({ isDirty }) => isDirty)) await segment.sync();
  }

  #forced(upTo: number): void {
    this.#syncing = null;
    this.#synced = Math.max(this.#synced, upTo);
    this.#unsynced = after(this.#unsynced, upTo);
    this.#settings.changed();
    // Those that came meanwhile.
    if (this.holdsEnds && this.#unsynced.length > 0) this.#syncSoon();
  }

  /**
   * What of it is on disk nobody can tell, and a second try would succeed without having written it: all of it is written again,
   * elsewhere.
   *
   * @see https://wiki.postgresql.org/wiki/Fsync_Errors
   */
  #notForced(error: Error): void {
    this.#syncing = null;
    this.#failedSyncs++;
    for (const segment of this.#segments) segment.abandon();
    this.#fail(error);
    this.#unwritten = [...this.#unsynced, ...this.#unwritten];
    this.#unsynced = [];
  }

  get isFull(): boolean {
    const { folder, mostBytes } = this.#settings;
    return this.#bytes + folder.leftBytes >= mostBytes || (this.holdsEnds && this.#failing);
  }

  /** One that the control service has needs no disk. */
  isSafe(sequence: number): boolean {
    return sequence <= this.#synced || sequence <= this.#waiting.storedUpTo;
  }

  get readable(): number {
    const [first] = this.#unwritten;
    return first === undefined ? this.#waiting.last : first.sequence - 1;
  }

  read(from: number, to: number): Uint8Array[] {
    const found: Uint8Array[] = [];
    for (let next = from; next <= to; ) {
      // After a fault a record may be in two of them; the later one is whole.
      const segment = this.#segments.findLast((one) => one.has(next));
      if (segment === undefined) {
        next++;
        continue;
      }
      const end = Math.min(to, segment.last);
      const records = this.#read(segment, next, end);
      this.damaged += end - next + 1 - records.length;
      found.push(...records);
      next = end + 1;
    }
    return found;
  }

  #read(segment: Segment, from: number, to: number): Uint8Array[] {
    try {
      const records = segment.read(from, to);
      if (records.length < to - from + 1) this.#settings.log(`records from ${from} to ${to} are damaged in the spool`);
      return records;
    } catch (error) {
      this.#settings.log(`records from ${from} to ${to} cannot be read: ${(error as Error).message}`);
      return [];
    }
  }

  get counts(): JournalCounts {
    const { folder } = this.#settings;
    return {
      ...{ bytes: this.#bytes, earlierBytes: folder.leftBytes },
      ...{ records: this.#waiting.count, oldestSeconds: this.#waiting.oldestSeconds },
      ...{ failedWrites: this.#failedWrites, failedSyncs: this.#failedSyncs },
      ...{ damaged: this.damaged, keptFiles: folder.kept.length },
    };
  }

  /** No record is added any more. Files stay if they have any that is not stored. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closed = true;
    await this.#syncing;
    if (this.#unwritten.length > 0) this.#tryAgain();
    const lost = this.#unwritten.length;
    if (lost > 0) this.#settings.log(`${lost} usage records are lost: they are neither stored nor on disk`);
    try {
      for (const segment of this.#segments) {
        if (this.#waiting.count === 0) segment.remove();
        else if (this.#settings.policy !== "never") segment.syncNow();
        segment.abandon();
      }
    } catch (error) {
      this.#failedSyncs++;
      this.#settings.log(`the spool's last records may not be on disk: ${(error as Error).message}`);
    }
  }
}

/** The lines whose records come after that one. */
function after(lines: Line[], sequence: number): Line[] {
  const count = lines.findIndex((line) => line.sequence > sequence);
  return count < 0 ? [] : count === 0 ? lines : lines.slice(count);
}
