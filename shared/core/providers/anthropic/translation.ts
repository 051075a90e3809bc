import { ByteWriter } from "../../byte-writer.ts";
import { RequestTranslation } from "../../translation.ts";
import { Capability } from "./capabilities.ts";

/** What the parts of a request's translation share, and what the model accepts. */
export class Translation extends RequestTranslation {
  readonly capability: Capability;

  constructor(out: ByteWriter, capability: Capability, strict: boolean) {
    super(out, strict);
    this.capability = capability;
  }
}
