/**
 * The rounds of a conversation with functions: every call has its response in the next turn, and what a model of the third
 * generation thought before a call comes back with it, signed.
 * @see https://ai.google.dev/gemini-api/docs/thought-signatures
 */
import { createHash } from "node:crypto";
import { isObject, type JsonObject, objectsOf } from "./answer.ts";
import { invalidArgument } from "./gemini-error.ts";

/** Stands for a signature that is lost. */
const SKIP = "skip_thought_signature_validator";

/** The signature of a call: of its name and arguments, whatever their order. */
export function signatureOf(name: string, args: unknown): string {
  return createHash("sha256")
    .update(`${name} ${ordered(args)}`)
    .digest("base64");
}

function ordered(value: unknown): string {
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${ordered(value[name])}`).join(",")}}`;
}

export function checkRounds(contents: JsonObject[], signed: boolean): void {
  const turns = merged(contents);
  turns.forEach((turn, index) => {
    const called = held(turn.parts, "functionCall");
    const answered = held(turns[index + 1]?.parts ?? [], "functionResponse");
    if (called.length > 0 && index === 0) {
      throw invalidArgument(
        "Please ensure that function call turn comes immediately after a user turn or after a function response turn.",
      );
    }
    if (called.length > 0 && called.length !== answered.length) throw unequal();
    const before = held(turns[index - 1]?.parts ?? [], "functionCall");
    if (held(turn.parts, "functionResponse").length > 0 && before.length === 0) throw unequal();
  });
  if (signed) checkSignatures(turns);
}

function unequal() {
  return invalidArgument(
    "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
  );
}

interface Turn {
  role: unknown;
  parts: JsonObject[];
}

/** Contents of one role in a row are one turn. */
function merged(contents: JsonObject[]): Turn[] {
  const turns: Turn[] = [];
  for (const content of contents) {
    const role = content.role === "model" ? "model" : "user";
    const last = turns.at(-1);
    if (last?.role === role) last.parts.push(...objectsOf(content.parts));
    else turns.push({ role, parts: objectsOf(content.parts) });
  }
  return turns;
}

function held(parts: JsonObject[], name: string): JsonObject[] {
  return parts.filter((part) => part[name] !== undefined);
}

/** Since the user last said something himself, the first call of every step is signed. */
function checkSignatures(turns: Turn[]): void {
  const said = turns.findLastIndex(
    (turn) => turn.role === "user" && turn.parts.some((part) => part.functionResponse === undefined),
  );
  turns.forEach((turn, index) => {
    const first = held(turn.parts, "functionCall")[0];
    if (index < said || first === undefined || !isObject(first.functionCall)) return;
    const { name, args } = first.functionCall;
    if (first.thoughtSignature === undefined) {
      throw invalidArgument(
        `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${name}\`, position ${index + 1}.`,
      );
    }
    if (first.thoughtSignature === SKIP) return;
    if (first.thoughtSignature !== signatureOf(String(name), args ?? {})) {
      throw invalidArgument("Corrupted thought signature.");
    }
  });
}
