/** How a scenario is written down, and how it becomes a job for one kind of provider. */
import type { JsonObject } from "../../upstream/answer.ts";
import type { Behaviour } from "../../upstream/script.ts";
import type { Job, Outcome, Step } from "./job.ts";
import { type Kind, modelOf, type Role } from "./kinds.ts";

export const ENDPOINTS = ["chat", "completions", "embeddings", "images", "image edits", "models"] as const;
export const COLUMNS = ["plain", "stream", "tools", "vision", "json_schema", "reasoning", "error"] as const;
export type Endpoint = (typeof ENDPOINTS)[number];
export type Column = (typeof COLUMNS)[number];

/** The part of an outcome that is compared; text also by pattern. */
export type Expected = { [Name in keyof Outcome]?: Loose<Outcome[Name]> };
type Loose<Value> = Value extends string
  ? Value | RegExp
  : Value extends object
    ? { [Name in keyof Value]?: Loose<Value[Name]> }
    : Value;

/** How it ends with one kind that cannot do it as the others do, and why that is so. */
export interface Exception {
  expect: Expected[];
  why: string;
  /** What it is worth to the client all the same; absent: nothing. */
  worth?: "yes" | "partly";
}

export interface Scenario {
  name: string;
  cell: [endpoint: Endpoint, column: Column];
  /** Absent: a chat. */
  role?: Role;
  script?: Behaviour[];
  steps: Step[];
  /** Of each step, up to the first that fails. */
  expect: Expected[];
  except?: Record<string, Exception>;
}

export function chat(content: unknown, given: JsonObject = {}): Step {
  return { call: "chat", with: { messages: [{ role: "user", content }], ...given } };
}

/** The same outcome of an exception for several kinds. */
export function each(kinds: string[], exception: Exception): Record<string, Exception> {
  return Object.fromEntries(kinds.map((kind) => [kind, exception]));
}

export function jobOf(scenario: Scenario, kind: Kind, upstream: string): Job {
  const model = modelOf(kind, scenario.role ?? "chat");
  const steps = scenario.steps.map((step) => ({ ...step, with: { model, ...step.with } }));
  return { upstream, script: scenario.script ?? [], steps };
}

/** What differs from the expectation, each with its place; nothing when all is as expected. */
export function differences(outcomes: Outcome[], expected: Expected[]): string[] {
  if (outcomes.length !== expected.length)
    return [`${outcomes.length} steps instead of ${expected.length}: ${JSON.stringify(outcomes)}`];
  return outcomes.flatMap((outcome, index) => {
    const unforeseen =
      outcome.error !== undefined && expected[index]?.error === undefined
        ? [`threw ${JSON.stringify(outcome.error)}`]
        : [];
    return [...unforeseen, ...differ(outcome, expected[index], `step ${index + 1}`)];
  });
}

/** Objects may have more members than expected, lists may not. */
function differ(value: unknown, expected: unknown, at: string): string[] {
  if (expected instanceof RegExp) {
    return typeof value === "string" && expected.test(value)
      ? []
      : [`${at} is ${JSON.stringify(value)}, not ${expected}`];
  }
  if (typeof expected !== "object" || expected === null) {
    return value === expected ? [] : [`${at} is ${JSON.stringify(value)}, not ${JSON.stringify(expected)}`];
  }
  const members = Object.entries(expected);
  const whole = typeof value === "object" && value !== null;
  if (!whole || (Array.isArray(expected) && (value as unknown[]).length !== members.length)) {
    return [`${at} is ${JSON.stringify(value)}, not ${JSON.stringify(expected)}`];
  }
  return members.flatMap(([name, member]) => differ((value as JsonObject)[name], member, `${at}.${name}`));
}
