import { ByteWriter } from "../byte-writer.ts";
import { NO_BYTES, sliceBytes } from "../bytes.ts";

/** Records in one message at most. */
const BATCH_RECORDS: i32 = 500;
/** A batch of more bytes takes no further record. */
const BATCH_BYTES: i32 = 512 * 1024;
/** Beyond this many unacknowledged batches the gateway takes no new operations: nothing that happened is forgotten. */
const MOST_BATCHES: i32 = 24;
/** So many of the oldest batches stay in memory, whatever a host has on disk. */
const NEXT_BATCHES: i32 = 4;

/** Records that leave in one message: a JSON array without its brackets. */
class Batch {
  readonly json: ByteWriter = new ByteWriter(4096);
  readonly firstSequence: f64;
  count: i32 = 0;
  lastSequence: f64 = 0;
  sent: boolean = false;
  /** Its bytes are with the host alone. */
  parked: boolean = false;

  constructor(firstSequence: f64) {
    this.firstSequence = firstSequence;
  }
}

/** Usage records that the control service has not acknowledged yet, oldest first. */
export class Outbox {
  private batches: Array<Batch> = new Array<Batch>();
  private sequence: f64 = 0;
  /** Every record up to this sequence number is stored. */
  private stored: f64 = 0;
  /** Where in its batch the last record begins. */
  private lastStart: i32 = 0;
  /** How many batches are parked. */
  private parked: i32 = 0;
  /** The end of a stream is held until a record is stored. */
  urgent: boolean = false;
  /** Set by a host that keeps records on disk too, while there is no room for more. */
  noRoom: boolean = false;

  /** The sequence number of the next record. */
  next(): f64 {
    return this.sequence + 1;
  }

  /** Where the next record is written; `added` must follow. */
  open(): ByteWriter {
    const count = this.batches.length;
    let batch: Batch | null = count === 0 ? null : this.batches[count - 1]!;
    if (batch == null || batch.sent || batch.count >= BATCH_RECORDS || batch.json.length >= BATCH_BYTES) {
      batch = new Batch(this.sequence + 1);
      this.batches.push(batch);
    }
    if (batch.count > 0) batch.json.byte(0x2c);
    this.lastStart = batch.json.length;
    return batch.json;
  }

  added(): void {
    const batch = this.batches[this.batches.length - 1]!;
    this.sequence += 1;
    batch.count++;
    batch.lastSequence = this.sequence;
  }

  /** A copy of the record that was added last, for hosts that keep it on disk too. */
  last(): Uint8Array {
    if (this.batches.length === 0) return NO_BYTES;
    const json = this.batches[this.batches.length - 1]!.json;
    return sliceBytes(json.bytes, this.lastStart, json.length);
  }

  /** Every record up to this sequence number is stored by the control service. */
  storedUpTo(): f64 {
    return this.stored;
  }

  isEmpty(): boolean {
    return this.batches.length === 0;
  }

  isFull(): boolean {
    return this.noRoom || this.batches.length - this.parked > MOST_BATCHES;
  }

  /** A whole batch is waiting, so that there is no point in waiting for more. */
  hasFullBatch(): boolean {
    return this.batches.length > 1;
  }

  isStored(sequence: f64): boolean {
    return sequence <= this.stored;
  }

  /** Writes the oldest batch's records. They stay here until they are acknowledged; a batch that left takes no more. */
  write(out: ByteWriter): void {
    if (this.batches.length === 0) return;
    const batch = this.batches[0]!;
    batch.sent = true;
    if (this.batches.length === 1) this.urgent = false;
    out.writer(batch.json);
  }

  /** Frees the memory of batches that do not leave soon, for a host that has every record up to `sequence` on disk. */
  park(sequence: f64): void {
    if (this.batches.length - this.parked <= NEXT_BATCHES + 2) return;
    for (let i: i32 = NEXT_BATCHES; i < this.batches.length - 1; i++) {
      const batch = this.batches[i]!;
      if (batch.parked || batch.lastSequence > sequence) continue;
      batch.parked = true;
      batch.json.shrink(0);
      this.parked++;
    }
  }

  /** The first record of the batch that leaves next, when that is parked: the host must bring it back. 0 when it is not. */
  wantsFrom(): f64 {
    const next: Batch | null = this.batches.length === 0 ? null : this.batches[0]!;
    return next != null && next.parked ? next.firstSequence : 0;
  }

  /** The last record of that batch. */
  wantsTo(): f64 {
    return this.wantsFrom() === 0 ? 0 : this.batches[0]!.lastSequence;
  }

  /** Takes the records of that batch back, as a JSON array without its brackets. Without any it is given up. */
  bring(json: Uint8Array): void {
    if (this.wantsFrom() === 0) return;
    const batch = this.batches[0]!;
    batch.parked = false;
    this.parked--;
    if (json.length === 0) this.batches = this.batches.slice(1);
    else batch.json.all(json);
  }

  /** Drops what the control service has stored: all records up to `sequence`. */
  acknowledge(sequence: f64): void {
    if (sequence > this.stored) this.stored = sequence;
    let done: i32 = 0;
    while (done < this.batches.length) {
      const batch = this.batches[done]!;
      if (batch.lastSequence > sequence) break;
      if (batch.parked) this.parked--;
      done++;
    }
    if (done > 0) this.batches = this.batches.slice(done);
  }
}
