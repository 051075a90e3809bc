import { isDeepStrictEqual } from "node:util";
import { type ConfigKey, type ConfigState, Secret } from "./state.ts";

/** One difference between two configurations; secrets in it are shown as their references. */
export interface ConfigChange {
  readonly op: "add" | "change" | "remove";
  /** Like `providers[claude].timeouts.connect`: entries by name, the elements of plain lists by index. */
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export const CONFIG_SECTIONS = ["providers", "models", "projects", "users"] as const;

/** What an apply would change, in the order of the sections; nothing when both mean the same. */
export function diffConfigs(before: ConfigState, after: ConfigState): ConfigChange[] {
  const changes = CONFIG_SECTIONS.flatMap((section) =>
    diffMaps(before[section], after[section], (name) => `${section}[${name}]`),
  );
  return [...changes, ...diffMaps(shownKeys(before), shownKeys(after), (label) => label)];
}

/** A key's path says whose it is; the project shows only where the path does not name it. */
function shownKeys(state: ConfigState): Map<string, Partial<ConfigKey>> {
  return new Map(
    [...state.keys].map(([label, { user, project, ...key }]) => [label, user === null ? key : { ...key, project }]),
  );
}

function diffMaps(
  before: ReadonlyMap<string, object>,
  after: ReadonlyMap<string, object>,
  pathOf: (name: string) => string,
): ConfigChange[] {
  const gone = [...before.keys()].filter((name) => !after.has(name));
  return [...gone, ...after.keys()].flatMap((name) => diffFields(before.get(name), after.get(name), pathOf(name)));
}

/** Says whether two entries mean something else; the order of their fields does not matter. */
export function differs(before: object | undefined, after: object | undefined): boolean {
  return diffFields(before, after, "").length > 0;
}

function diffValues(before: unknown, after: unknown, path: string): ConfigChange[] {
  if (before instanceof Secret && after instanceof Secret) {
    return before.sameAs(after) ? [] : [change(before, after, path)];
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, index) => diffFields(before[index], after[index], `${path}[${index}]`)).flat();
  }
  if (isPlain(before) && isPlain(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) => diffFields(before[name], after[name], `${path}.${name}`));
  }
  return isDeepStrictEqual(before, after) ? [] : [change(before, after, path)];
}

/** An entry, field or element that is undefined or null on one side is absent there. */
function diffFields(before: unknown, after: unknown, path: string): ConfigChange[] {
  const absentBefore = before === undefined || before === null;
  const absentAfter = after === undefined || after === null;
  if (absentBefore && absentAfter) return [];
  if (absentBefore) return [{ op: "add", path, after: shown(after) }];
  if (absentAfter) return [{ op: "remove", path, before: shown(before) }];
  return diffValues(before, after, path);
}

function change(before: unknown, after: unknown, path: string): ConfigChange {
  return { op: "change", path, before: shown(before), after: shown(after) };
}

/** A copy fit for an answer: secrets have become their references. */
function shown(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Secret);
}
