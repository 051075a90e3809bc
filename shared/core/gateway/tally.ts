import { Operation } from "./operation.ts";
import { REJECTED } from "./record.ts";

const OUTCOMES: i32 = 6;

/** Counts since the host last took them, for its metrics. */
export class Tally {
  /** By outcome (`record.ts`). */
  readonly operations: Array<i32> = new Array<i32>();
  attempts: i32 = 0;
  promptTokens: i32 = 0;
  completionTokens: i32 = 0;
  /** Refused for want of a known key. */
  unauthorized: i32 = 0;

  constructor() {
    for (let i: i32 = 0; i < OUTCOMES; i++) this.operations.push(0);
  }

  count(operation: Operation, outcome: i32): void {
    this.operations[outcome] = (this.operations[outcome] as i32) + 1;
    const last = operation.last();
    if (last == null || outcome === REJECTED) return;
    this.promptTokens += last.exchange.usage.prompt;
    this.completionTokens += last.exchange.usage.completion;
  }

  clear(): void {
    for (let i: i32 = 0; i < OUTCOMES; i++) this.operations[i] = 0;
    this.attempts = 0;
    this.promptTokens = 0;
    this.completionTokens = 0;
    this.unauthorized = 0;
  }
}
