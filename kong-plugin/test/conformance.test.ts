import { conformance } from "../../shared/vectors/conformance.ts";
import { runInRelay } from "./relay-runner.ts";

conformance("the relay beside Kong", runInRelay, { isCut: ({ attempts }, size) => isShort(attempts, size) });

/** What takes no more than a second to be sent in pieces of so many bytes. */
function isShort(attempts: { answers: { body: Buffer } }[], size: number): boolean {
  return attempts.reduce((sum, { answers }) => sum + answers.body.length, 0) <= size * 3000;
}
