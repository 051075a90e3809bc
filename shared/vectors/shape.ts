/** Bodies in a shape that tests can compare: what means the same is equal, what could differ in meaning is not. */
import { expect } from "vitest";

/** The JSON value, or the text of what is none. A number that a double would spell otherwise stays in its own spelling. */
export function asJson(body: Buffer): unknown {
  const text = body.toString();
  try {
    return JSON.parse(text, spelled as (key: string, value: unknown) => unknown);
  } catch {
    return text;
  }
}

function spelled(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === "number" && source !== undefined && String(value) !== source ? `number ${source}` : value;
}

/** The events and comments of a stream in their order: comments as text, data as JSON where it is. */
export function asEvents(body: Buffer): unknown[] {
  const shapes: unknown[] = [];
  let name: string | undefined;
  let data: string[] = [];
  const lines = body.toString().split(/\r\n|\r|\n/);
  const rest = lines.pop();
  for (const line of lines) {
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (line === "") {
      if (data.length > 0) shapes.push({ ...(name && { event: name }), data: asJson(Buffer.from(data.join("\n"))) });
      name = undefined;
      data = [];
    } else if (field === "") shapes.push(line);
    else if (field === "data") data.push(value);
    else if (field === "event") name = value;
    else shapes.push(line);
  }
  // What no blank line closes is lost on a reader.
  if (data.length > 0 || rest !== "") shapes.push({ unterminated: [...data, rest].join("\n") });
  return shapes;
}

/** The shape with matchers in place of strings that hold `…`. */
export function asExpectation(shape: unknown): unknown {
  if (typeof shape === "string" && shape.includes("…")) {
    const parts = shape.split("…").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    return expect.stringMatching(new RegExp(`^${parts.join(".*")}$`, "s"));
  }
  if (Array.isArray(shape)) return shape.map(asExpectation);
  if (typeof shape !== "object" || shape === null) return shape;
  return Object.fromEntries(Object.entries(shape).map(([key, value]) => [key, asExpectation(value)]));
}
