/** What servers that took OpenAI's shape over change in every choice and chunk of it. */
import { isObject, type JsonObject, objectsOf } from "./answer.ts";
import type { Spoken } from "./openai-shape.ts";

/** Changes the whole answer, or each chunk of a stream with its place. */
export function reworded(spoken: Spoken, change: (json: JsonObject, index: number) => JsonObject): Spoken {
  if (spoken.kind === "whole") return { ...spoken, json: change(spoken.json, 0) };
  return spoken.kind === "named" ? spoken : { ...spoken, chunks: spoken.chunks.map(change) };
}

/** Changes every choice of an answer or chunk; what has no choices stays. */
export function withChoices(json: JsonObject, change: (choice: JsonObject) => JsonObject): JsonObject {
  return Array.isArray(json.choices) ? { ...json, choices: objectsOf(json.choices).map(change) } : json;
}

/** Whether the choice or chunk is the last of its choice. */
export function isFinal(choice: JsonObject): boolean {
  return choice.finish_reason !== null && choice.finish_reason !== undefined;
}

export function without(json: JsonObject, ...names: string[]): JsonObject {
  return Object.fromEntries(Object.entries(json).filter(([name]) => !names.includes(name)));
}

/** The delta of a chunk's choice, or the message of a whole one, changed. */
export function withSaid(choice: JsonObject, change: (said: JsonObject) => JsonObject): JsonObject {
  for (const name of ["delta", "message"]) {
    const said = choice[name];
    if (isObject(said)) return { ...choice, [name]: change(said) };
  }
  return choice;
}
