import type { z } from "zod";

/** One mistake in what was sent, at a path like `models[0].targets[1].provider`. */
export interface Mistake {
  readonly path: string;
  readonly message: string;
}

/** Writes a path the way oneapi.yaml's mistakes are reported; the top itself is "". */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    const name = String(step);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text ? `${text}.${name}` : name;
  }, "");
}

/** Turns zod's issues into mistakes: one for each unknown field, and `is required` for what is absent. */
export function mistakesOf(issues: readonly z.core.$ZodIssue[]): Mistake[] {
  return issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ path: formatPath([...issue.path, key]), message: "is not a known field" }));
    }
    return [{ path: formatPath(issue.path), message: issue.message }];
  });
}
