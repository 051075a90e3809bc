import { ByteWriter } from "./byte-writer.ts";
import { NO_BYTES } from "./bytes.ts";
import { Json } from "./json.ts";

/** The usage objects of the calls that one answer took, for the record: one as it is, several as `{"calls":[…]}`. */
export class UsageObjects {
  private readonly list: ByteWriter = new ByteWriter(0);
  private count: i32 = 0;

  add(usage: Json): void {
    if (this.count++ > 0) this.list.byte(0x2c);
    this.list.copy(usage.source, usage.start, usage.end);
  }

  take(): Uint8Array {
    if (this.count === 0) return NO_BYTES;
    const all = new ByteWriter(this.list.length + 16);
    if (this.count === 1) return all.writer(this.list).take();
    return all.ascii('{"calls":[').writer(this.list).ascii("]}").take();
  }
}
