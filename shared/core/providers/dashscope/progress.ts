import { ByteWriter } from "../../byte-writer.ts";
import { Json } from "../../json.ts";
import { escapeJson } from "../../json-text.ts";
import { copyText, decodeText } from "./answer.ts";

/**
 * A text that grows from event to event: what each event adds to it. The events of an incremental stream bring just
 * that, those of a cumulative one bring all so far.
 */
export class Progress {
  /** What the last event added: the inside of a JSON string. */
  readonly added: ByteWriter = new ByteWriter(0);
  /** An event took back what was told before. */
  broken: boolean = false;
  private readonly incremental: boolean;
  /** Of a cumulative stream: what was told, and what the last event brought, in UTF-8. */
  private readonly told: ByteWriter = new ByteWriter(0);
  private readonly whole: ByteWriter = new ByteWriter(0);

  constructor(incremental: boolean) {
    this.incremental = incremental;
  }

  /** Takes the event's text, a string or parts. `final`: nothing is to be waited for. */
  take(content: Json | null, final: boolean): void {
    this.added.clear();
    if (content == null) return;
    if (this.incremental) copyText(content, this.added);
    else {
      decodeText(content, this.whole.clear());
      this.compare(final);
    }
  }

  private compare(final: boolean): void {
    const whole = this.whole;
    const told = this.told;
    const common: i32 = whole.length < told.length ? whole.length : told.length;
    for (let i: i32 = 0; i < common; i++) {
      if (whole.bytes[i] !== told.bytes[i]) {
        this.broken = true;
        return;
      }
    }
    const end = final ? whole.length : settledEnd(whole);
    if (end <= told.length) return;
    escapeJson(whole.bytes, told.length, end, this.added);
    told.copy(whole.bytes, told.length, end);
  }
}

/** Where the text ends without the replacement characters at its end, which stand for half a character so far. */
function settledEnd(text: ByteWriter): i32 {
  let end = text.length;
  const bytes = text.bytes;
  while (
    end >= 3 &&
    (bytes[end - 3] as i32) === 0xef &&
    (bytes[end - 2] as i32) === 0xbf &&
    (bytes[end - 1] as i32) === 0xbd
  ) {
    end -= 3;
  }
  return end;
}
