import { ByteWriter } from "../../byte-writer.ts";
import { Capabilities } from "../../capabilities.ts";
import { RequestTranslation } from "../../translation.ts";

/** What the parts of a request's translation share, and for which service they write. */
export class Translation extends RequestTranslation {
  /** The multimodal service takes a message's content as parts, the other one as text. */
  readonly multimodal: boolean;

  constructor(out: ByteWriter, capabilities: Capabilities, multimodal: boolean, strict: boolean) {
    super(out, capabilities, strict);
    this.multimodal = multimodal;
  }
}
