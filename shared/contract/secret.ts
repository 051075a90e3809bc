import { z } from "zod";

/** Where a secret comes from when it is not written out. */
export interface SecretReference {
  /** `stored` is what a dump shows in place of a literal secret: on applying, "as it is now". */
  readonly source: "env" | "file" | "stored";
  readonly value: string;
}

const REFERENCE = /^\$\{(env|file|stored):([^{}]+)\}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const PRINTABLE = /^[\x21-\x7e]+$/;

/** Reads `${env:NAME}`, `${file:PATH}` or `${stored:ID}`; null for a literal secret. */
export function secretReference(text: string): SecretReference | null {
  const match = REFERENCE.exec(text);
  if (!match) return null;
  return { source: match[1] as SecretReference["source"], value: match[2] as string };
}

/** Says whether a text refers to a secret that lives outside of the service. */
export function isExternalReference(text: string): boolean {
  const source = secretReference(text)?.source;
  return source === "env" || source === "file";
}

/** Says what is wrong with a secret as it is written, or null. The message never shows the secret. */
function secretProblem(text: string): string | null {
  const reference = secretReference(text);
  if (reference?.source === "env" && !VARIABLE.test(reference.value)) return "must name an environment variable";
  if (reference) return null;
  if (text.includes("${")) return "must be the whole of one reference like ${env:NAME} or ${file:PATH}";
  return null;
}

function addProblem(context: { issues: { push(issue: object): unknown }; value: string }, message: string): void {
  context.issues.push({ code: "custom", message, input: undefined });
}

/** A provider's credential: a literal or a reference. */
export const credentialSchema = z
  .string({ error: "must be text: a credential or a reference like ${env:NAME}" })
  .min(1, { error: "must not be empty" })
  .max(16_384, { error: "must have at most 16384 characters" })
  .check((context) => {
    const problem = secretProblem(context.value);
    if (problem) addProblem(context, problem);
    else if (!isCredential(context.value) && !secretReference(context.value)) {
      addProblem(context, "must be printable ASCII without spaces");
    }
  });

/** A key brought by the config: a literal of 20 to 200 printable characters or a reference. */
export const keySecretSchema = z
  .string({ error: "must be text: a key or a reference like ${env:NAME}" })
  .check((context) => {
    const problem = secretProblem(context.value);
    if (problem) addProblem(context, problem);
    else if (!isKeySecret(context.value) && !secretReference(context.value)) addProblem(context, KEY_SECRET_MESSAGE);
  });

/** Says whether a resolved credential can be sent in a header. */
export function isCredential(text: string): boolean {
  return text.length <= 16_384 && PRINTABLE.test(text);
}

/** Says whether a resolved secret can be a key. */
export function isKeySecret(text: string): boolean {
  return text.length >= 20 && text.length <= 200 && PRINTABLE.test(text);
}

export const KEY_SECRET_MESSAGE = "must be 20 to 200 printable ASCII characters without spaces";
