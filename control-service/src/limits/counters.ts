/** Where limits are counted: what the counters in process and those in Redis have in common. */

/** What one gateway process reports of one counter, and what it would like to hold. */
export interface Entry {
  readonly counter: string;
  /** Start of the window in Unix milliseconds, 0 for none. */
  readonly window: number;
  /** Its end; null for none. */
  readonly endsAt: number | null;
  /** False: the window is over, or not there yet, and nothing is granted in it any more. */
  readonly current: boolean;
  /** The limit's whole amount. */
  readonly amount: number;
  /** Reservations of this metric are larger than what is used in the end, so a part of them comes back. */
  readonly refundable: boolean;
  /** A balance: its counter may not begin at nothing when it is absent, {@link Counters.open} must say where. */
  readonly balance: boolean;
  /** What becomes of it when its holder dies matters: windows of an hour and more, and those that never end. */
  readonly lasting: boolean;
  readonly spent: number;
  readonly reserved: number;
  readonly need: number;
  readonly keep: number;
}

export interface Claim {
  /** The gateway process that asks. */
  readonly holder: string;
  readonly sequence: number;
  readonly now: number;
  readonly entries: readonly Entry[];
}

export interface Grant {
  readonly granted: number;
  readonly left: number;
  readonly edge: boolean;
  readonly final: boolean;
}

export type Outcome =
  /** One grant for each entry; `sequence` is the newest of the holder's that was processed. */
  | { readonly kind: "granted"; readonly sequence: number; readonly grants: readonly Grant[] }
  /** Nothing was changed: these balances have no counter, and have to be opened first. */
  | { readonly kind: "missing"; readonly balances: readonly string[] };

/** A counter in one window. */
export interface Place {
  readonly counter: string;
  readonly window: number;
}

/** The sum over all holders. */
export interface Usage {
  readonly granted: number;
  readonly spent: number;
  readonly reserved: number;
}

/** What a holder has of a counter. */
export interface Share extends Place, Usage {}

/** A holder that was not heard of for too long, with its lasting shares. */
export interface SilentHolder {
  readonly holder: string;
  readonly heardAt: number;
  readonly shares: readonly Share[];
}

/** Says that a holder should report on a counter now. */
export interface Note {
  readonly holder: string;
  readonly counter: string;
}

export type NoteListener = (notes: readonly Note[]) => void;

/**
 * Counts of limits, shared by all instances of the control service that use the same store. Every method is atomic:
 * however calls meet, the units granted of a counter in a window never grow beyond its amount, but for what gateways
 * report as used beyond their grants. A method rejects when the store cannot be reached; what it should have done may
 * then be done or not, and the same message sent again sets it right.
 */
export interface Counters {
  /**
   * Takes a holder's report, grants what it asks for as far as there is any, and hears of the holder. A sequence that is
   * not newer than the holder's last one changes nothing and is told the present state.
   */
  claim(claim: Claim): Promise<Outcome>;
  /**
   * Begins a balance at what was spent of it already, by holder ("" for those that are long gone), so that what one of
   * them reports again does not count twice. A balance that is there stays as it is.
   */
  open(counter: string, spent: ReadonlyMap<string, number>): Promise<void>;
  /** Sends a note to every holder that has idle units of these counters or waits for some. */
  announce(places: readonly Place[]): Promise<void>;
  /** The sums of counters, in the order asked; null for one that nobody has touched. */
  read(places: readonly Place[]): Promise<(Usage | null)[]>;
  /** Some of the holders that were last heard of before a moment and are not buried. */
  silent(before: number): Promise<SilentHolder[]>;
  /**
   * Puts a silent holder's shares at what they shrink to; nothing when it spoke after `heardAt`. It may speak again and
   * goes on with its shares as they are then.
   *
   * @returns whether it was buried.
   */
  bury(holder: string, heardAt: number, shares: readonly Share[], now: number): Promise<boolean>;
  /** Adds the shares of holders that were buried before a moment to those of nobody, so that their number is bounded. */
  forget(before: number): Promise<void>;
  /** Lets go of windows that ended before a moment. */
  sweep(endedBefore: number): Promise<void>;
  /** How many counters are held, for the metric. */
  size(): Promise<number>;
  close(): Promise<void>;
}
