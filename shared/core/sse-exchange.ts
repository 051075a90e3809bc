import { ByteWriter } from "./byte-writer.ts";
import { ClientRequest, Exchange, FAILED, PASS, Provider, REPLACED } from "./exchange.ts";
import { mayHoldNoNumber, writeWithNull } from "./not-a-number.ts";
import { providerError } from "./problem.ts";
import { SseReader } from "./sse.ts";

/** An exchange whose streams are server-sent events: it reads them, the provider's own class says what each means. */
export abstract class SseExchange extends Exchange {
  private sse: SseReader | null = null;
  /** Set by `event` (or `comment`) when what goes to the client differs from what came. */
  protected changed: boolean = false;

  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
  }

  /** Takes the reader's event: writes what the client gets, sets `begun`, `finished`, `problem` and usage. */
  protected abstract event(reader: SseReader, out: ByteWriter): void;

  /** Takes a block without data (comments, blank lines). */
  protected comment(_reader: SseReader, _out: ByteWriter): void {
    this.changed = true;
  }

  /** The stream is over; `finished` may still be set (and the end written) if what came is complete in itself. */
  protected ended(_out: ByteWriter): void {}

  private get reader(): SseReader {
    let reader = this.sse;
    if (reader == null) {
      reader = new SseReader();
      this.sse = reader;
    }
    return reader;
  }

  /** Makes JSON of an event that holds words in the place of numbers. */
  private mend(reader: SseReader): void {
    const mended = new ByteWriter(reader.dataEnd - reader.dataStart);
    if (!writeWithNull(reader.data, reader.dataStart, reader.dataEnd, mended)) return;
    reader.replaceData(mended.bytes, mended.length);
    this.changed = true;
  }

  override chunk(chunk: Uint8Array, length: i32, last: boolean, out: ByteWriter): i32 {
    const reader = this.reader;
    const held = reader.isHolding();
    this.changed = held;
    reader.push(chunk, length, last);
    if (reader.marked) this.changed = true;
    while (reader.next()) {
      if (reader.hasData) {
        if (mayHoldNoNumber(reader.data, reader.dataStart, reader.dataEnd)) this.mend(reader);
        this.event(reader, out);
      } else this.comment(reader, out);
      if (this.problem != null) return FAILED;
    }
    if (reader.overflow) {
      this.problem = providerError("The provider sent an event that is too large.");
      return FAILED;
    }
    if (last) {
      this.ended(out);
      if (!this.finished) {
        this.problem = providerError("The provider's answer ended before it was complete.");
        return FAILED;
      }
    }
    return this.changed || reader.isHolding() ? REPLACED : PASS;
  }
}
