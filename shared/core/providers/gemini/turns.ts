import { JsonWriter } from "../../json-writer.ts";

export const NO_TURN: i32 = 0;
export const USER_TURN: i32 = 1;
export const MODEL_TURN: i32 = 2;

/** Says that the client's message had no text, where the API wants some. */
const NOTHING_SAID: string = '{"text":"(empty)"}';

/**
 * Writes the turns of `contents`, each opened with its first part: messages of one side become one turn, so that all
 * results of a round of tools stand together, as the API wants them.
 */
export class Turns {
  private readonly w: JsonWriter;
  private side: i32 = NO_TURN;

  constructor(w: JsonWriter) {
    this.w = w;
  }

  /** The next part belongs to this side: USER_TURN or MODEL_TURN. */
  open(side: i32): void {
    if (this.side === side) return;
    // A call must follow a user's turn, so the first one is the user's.
    if (this.side === NO_TURN && side === MODEL_TURN) this.saySomething();
    this.close();
    this.side = side;
    this.w
      .object()
      .key("role")
      .string(side === USER_TURN ? "user" : "model")
      .key("parts")
      .array();
  }

  /** Makes it the user's turn, if only by saying that nothing was said: a turn without parts is refused. */
  saySomething(): void {
    if (this.side === USER_TURN) return;
    this.open(USER_TURN);
    this.w.raw(NOTHING_SAID);
  }

  /** Ends the last turn; there must be one. */
  end(): void {
    if (this.side === NO_TURN) this.saySomething();
    this.close();
  }

  private close(): void {
    if (this.side !== NO_TURN) this.w.end().end();
  }
}
