import { JsonWriter } from "../json-writer.ts";
import { estimatePrompt } from "../tokens.ts";
import { endpointPath } from "./endpoint.ts";
import { Operation } from "./operation.ts";
import { shortModelName } from "./record.ts";

/** Operations in one message at most. */
const MOST_TOLD: i32 = 500;

/**
 * Operations of projects with `accounting: strict`, which the control service must have in store before a provider is
 * asked: whatever dies afterwards, it knows that there was one, and closes it with a record of its own.
 */
export class Openings {
  private waiting: Array<Operation> = new Array<Operation>();
  /** Those of the message under way. */
  private told: Array<Operation> = new Array<Operation>();

  add(operation: Operation): void {
    this.waiting.push(operation);
  }

  isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** Writes the next message's `operations`. */
  write(w: JsonWriter): void {
    this.told = this.waiting.slice(0, MOST_TOLD);
    this.waiting = this.waiting.slice(this.told.length);
    w.array();
    for (let i: i32 = 0; i < this.told.length; i++) writeOpening(this.told[i]!, w);
    w.end();
  }

  /** The message has been answered: what it told is stored. */
  answered(): void {
    for (let i: i32 = 0; i < this.told.length; i++) this.told[i]!.opened = true;
    this.told = new Array<Operation>();
  }

  /** The message has not been answered: those who still wait are told of again. */
  failed(): void {
    for (let i: i32 = 0; i < this.told.length; i++) {
      if (!this.told[i]!.closed) this.waiting.push(this.told[i]!);
    }
    this.told = new Array<Operation>();
  }
}

function writeOpening(operation: Operation, w: JsonWriter): void {
  const key = operation.key!;
  const call = operation.call!;
  const target = operation.model!.route.targets[operation.order[0] as i32]!;
  w.object().key("operation_id").string(operation.id).key("created_at_ms").whole(operation.startedAt);
  w.key("key").string(key.id).key("project").string(key.project).key("user").stringOrNull(key.user);
  w.key("endpoint").string(endpointPath(operation.endpoint)).key("stream").bool(call.stream);
  w.key("requested_model").string(shortModelName(call.model)).key("served_model").string(target.model);
  w.key("provider").string(target.provider).key("prompt_tokens").int(estimatePrompt(call.json)).end();
}
