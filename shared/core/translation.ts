import { ByteWriter } from "./byte-writer.ts";
import { Capabilities } from "./capabilities.ts";
import { JsonWriter } from "./json-writer.ts";
import { invalidRequest, Problem } from "./problem.ts";

/** What the parts of a request's translation share: where they write, what the model accepts, and why they stopped. */
export class RequestTranslation {
  readonly out: ByteWriter;
  readonly w: JsonWriter;
  readonly capabilities: Capabilities;
  /** What cannot be expressed is refused even when it could be left out without harm. */
  readonly strict: boolean;
  problem: Problem | null = null;
  /** Lines for the model, for what its API has no field for; they follow the client's own instructions. */
  readonly instructions: Array<string> = new Array<string>();

  constructor(out: ByteWriter, capabilities: Capabilities, strict: boolean) {
    this.out = out;
    this.w = new JsonWriter(out);
    this.capabilities = capabilities;
    this.strict = strict;
  }

  /** The field has the wrong shape or value: answers false. */
  refuse(param: string, message: string): boolean {
    return this.stop(param, message, "invalid_value");
  }

  /** The target has no way to say this: answers false. */
  refuseUnsupported(param: string, what: string): boolean {
    return this.stop(param, what + " is not supported by this model.", "unsupported_value");
  }

  /** A required field is not there: answers false. */
  refuseMissing(param: string): boolean {
    return this.stop(param, "Missing required parameter: '" + param + "'.", "missing_required_parameter");
  }

  /** The target cannot say this, and nothing is lost without it: answers whether to go on. */
  drop(param: string): boolean {
    if (!this.strict) return true;
    return this.stop(
      param,
      "Unsupported parameter: '" + param + "' is not supported by this model.",
      "unsupported_parameter",
    );
  }

  private stop(param: string, message: string, code: string): boolean {
    if (this.problem == null) this.problem = invalidRequest(message, param, code);
    return false;
  }
}

/** `messages[3]`, and so on. */
export function at(name: string, index: i32): string {
  return name + "[" + index.toString() + "]";
}
