/** Where usage records are kept beside the memory until the control service has stored them. */
export interface RecordJournal {
  /** Takes the next record, as JSON. */
  add(sequence: number, record: Uint8Array): void;
  /** Every record up to `sequence` is stored. To be told twice changes nothing. */
  stored(sequence: number): void;
  /** No further operation is to be taken: there is no room for its record, or none that keeps what is promised. */
  readonly isFull: boolean;
  /** The end of an answer waits until its record is safe. */
  readonly holdsEnds: boolean;
  isSafe(sequence: number): boolean;
  /** Every record up to this one can be read again until it is stored. */
  readonly readable: number;
  /** The records from `from` to `to` as JSON, without those that are lost. */
  read(from: number, to: number): Uint8Array[];
  readonly counts: JournalCounts;
}

export interface JournalCounts {
  bytes: number;
  /** Those of earlier processes, which are not delivered yet. */
  earlierBytes: number;
  records: number;
  oldestSeconds: number;
  failedWrites: number;
  failedSyncs: number;
  /** Records that were damaged or torn on disk. */
  damaged: number;
  /** Files that nobody can deliver. */
  keptFiles: number;
}

/** Keeps nothing: records wait in memory alone. */
export const NO_JOURNAL: RecordJournal = {
  add: () => {},
  stored: () => {},
  isFull: false,
  holdsEnds: false,
  isSafe: () => true,
  readable: 0,
  read: () => [],
  counts: {
    ...{ bytes: 0, earlierBytes: 0, records: 0, oldestSeconds: 0, failedWrites: 0, failedSyncs: 0 },
    ...{ damaged: 0, keptFiles: 0 },
  },
};
