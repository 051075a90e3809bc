/** Where usage records are kept beside the memory until the control service has stored them. */
export interface RecordJournal {
  /** Takes the next record, as JSON. */
  add(sequence: number, record: Uint8Array): void;
  /** Every record up to `sequence` is stored. To be told twice changes nothing. */
  stored(sequence: number): void;
}

/** Keeps nothing: records wait in memory alone. */
export const NO_JOURNAL: RecordJournal = { add: () => {}, stored: () => {} };
