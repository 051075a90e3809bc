import { JsonWriter } from "../../json-writer.ts";
import { ASSISTANT_TURN, SYSTEM_TURN, USER_TURN } from "./place.ts";

/** Says that the client's message had no text, where the API wants some. */
const NOTHING_SAID: string = '{"type":"text","text":"(empty)"}';

const NO_TURN: i32 = -1;

/**
 * Writes turns, each opened with its first block: messages of one side become one turn, so that all results of a round of
 * tools stand together, before what the user says next.
 */
export class Turns {
  private readonly w: JsonWriter;
  private side: i32 = NO_TURN;

  constructor(w: JsonWriter) {
    this.w = w;
  }

  /** The next block belongs to this side: USER_TURN, ASSISTANT_TURN or SYSTEM_TURN. */
  open(side: i32): void {
    if (this.side === side) return;
    // The first turn must be the user's.
    if (this.side === NO_TURN && side === ASSISTANT_TURN) this.saySomething();
    this.close();
    this.side = side;
    const role = side === USER_TURN ? "user" : side === SYSTEM_TURN ? "system" : "assistant";
    this.w.object().key("role").string(role).key("content").array();
  }

  /** Makes it the user's turn, if only by saying that nothing was said. */
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
