/** Puts answers of OpenAI's shape on the wire: JSON, or events without names that end with `[DONE]`. */
import type { Answer, JsonObject, Whole } from "./answer.ts";
import type { Spoken } from "./openai-shape.ts";

export const DONE = "data: [DONE]\n\n";

export function onWire(spoken: Spoken, headers: Record<string, string>): Answer {
  if (spoken.kind === "whole") return whole(200, spoken.json, headers, spoken.usage);
  const events = spoken.kind === "named" ? spoken.events.map(namedEvent) : [...spoken.chunks.map(event), DONE];
  return {
    kind: "stream",
    headers: { ...headers, "content-type": "text/event-stream; charset=utf-8" },
    events,
    usage: spoken.usage,
  };
}

export function whole(
  status: number,
  json: unknown,
  headers: Record<string, string> = {},
  usage: JsonObject | null = null,
): Whole {
  return { kind: "whole", status, headers: { ...headers }, json, usage };
}

export function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function namedEvent(value: JsonObject): string {
  return `event: ${value.type}\n${event(value)}`;
}

export function endsWithAny(path: string, endings: string[]): boolean {
  return endings.some((ending) => path.endsWith(ending));
}
