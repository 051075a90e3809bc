import { type Config, configSchema } from "./config.ts";
import { formatPath, type Mistake, mistakesOf } from "./mistake.ts";
import { matchesModel } from "./name.ts";
import { optionsOf } from "./provider.ts";
import { localKinds, providerKinds } from "./provider-kind.ts";

export interface ConfigCheck {
  /** The normal form; null when there are mistakes. */
  readonly config: Config | null;
  readonly mistakes: Mistake[];
  /** What is allowed but hardly meant. */
  readonly warnings: Mistake[];
}

/** Checks a parsed oneapi.yaml and reports every mistake at once, in the order of the sections. */
export function checkConfig(document: unknown): ConfigCheck {
  // A zod refinement over the whole would run only once all fields are right. The checks between fields run on what
  // was given instead, and overlook whatever has the wrong shape: zod has reported that already.
  const parsed = configSchema.safeParse(document, { reportInput: false });
  const between = checkReferences(document);
  const mistakes = [...(parsed.success ? [] : mistakesOf(parsed.error.issues)), ...between];
  if (parsed.success && mistakes.length === 0) {
    return { config: parsed.data, mistakes, warnings: warningsOf(parsed.data) };
  }
  return { config: null, mistakes, warnings: [] };
}

type Loose = Readonly<Record<string, unknown>>;
type Path = readonly (string | number)[];
type Report = (path: Path, message: string) => void;

function entries(owner: unknown, section: string): [number, Loose][] {
  const list = isMap(owner) ? owner[section] : undefined;
  if (!Array.isArray(list)) return [];
  return [...list.entries()].filter((entry): entry is [number, Loose] => isMap(entry[1]));
}

function isMap(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textList(value: unknown): [number, string][] {
  if (!Array.isArray(value)) return [];
  return [...value.entries()].filter((entry): entry is [number, string] => typeof entry[1] === "string");
}

function namesOf(document: unknown, section: string): Set<unknown> {
  return new Set(entries(document, section).map(([, entry]) => entry.name));
}

function checkReferences(document: unknown): Mistake[] {
  const mistakes: Mistake[] = [];
  const report: Report = (path, message) => mistakes.push({ path: formatPath(path), message });
  for (const section of ["providers", "models", "projects", "users"]) {
    checkDuplicateNames(document, section, [], report);
    for (const [index, entry] of entries(document, section)) {
      checkDuplicateLimits(entry, [section, index], report);
      checkDuplicateNames(entry, "keys", [section, index], report);
      checkDuplicatePrices(entry, [section, index], report);
      for (const [place, key] of entries(entry, "keys")) {
        checkDuplicateLimits(key, [section, index, "keys", place], report);
      }
    }
  }
  checkOptions(document, report);
  checkTargets(document, report);
  checkUsers(document, report);
  checkDuplicateSecrets(document, report);
  return mistakes;
}

function checkDuplicateNames(owner: unknown, section: string, path: Path, report: Report): void {
  const first = new Map<string, number>();
  for (const [index, { name }] of entries(owner, section)) {
    if (typeof name !== "string") continue;
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, index);
    else report([...path, section, index, "name"], `is already the name of ${section}[${earlier}]`);
  }
}

function checkDuplicateLimits(owner: Loose, path: Path, report: Report): void {
  const seen = new Set<string>();
  for (const [index, { metric, window }] of entries(owner, "limits")) {
    const subject = window === undefined ? `${metric}` : `${metric} per ${window}`;
    if (seen.has(subject)) report([...path, "limits", index], `limits ${subject} a second time`);
    seen.add(subject);
  }
}

function checkDuplicatePrices(owner: Loose, path: Path, report: Report): void {
  const seen = new Set<unknown>();
  for (const [index, { model }] of entries(owner, "prices")) {
    if (seen.has(model)) report([...path, "prices", index, "model"], "has a price already");
    seen.add(model);
  }
}

function checkOptions(document: unknown, report: Report): void {
  const allOptions: string[] = providerKinds.flatMap(optionsOf);
  for (const [index, provider] of entries(document, "providers")) {
    const kind = providerKinds.find((name) => name === provider.kind);
    if (kind === undefined || !isMap(provider.options)) continue;
    const known: readonly string[] = optionsOf(kind);
    for (const option of Object.keys(provider.options)) {
      if (allOptions.includes(option) && !known.includes(option)) {
        report(["providers", index, "options", option], `is not an option of the kind ${provider.kind}`);
      }
    }
  }
}

function checkTargets(document: unknown, report: Report): void {
  const providers = namesOf(document, "providers");
  for (const [index, model] of entries(document, "models")) {
    for (const [place, { provider }] of entries(model, "targets")) {
      if (typeof provider === "string" && !providers.has(provider)) {
        report(["models", index, "targets", place, "provider"], `there is no provider ${JSON.stringify(provider)}`);
      }
    }
  }
}

function checkUsers(document: unknown, report: Report): void {
  const projects = namesOf(document, "projects");
  for (const [index, user] of entries(document, "users")) {
    const memberships = textList(user.projects);
    const seen = new Set<string>();
    for (const [place, project] of memberships) {
      const path = ["users", index, "projects", place];
      if (!projects.has(project)) report(path, `there is no project ${JSON.stringify(project)}`);
      if (seen.has(project)) report(path, "is listed twice");
      seen.add(project);
    }
    for (const [place, { project }] of entries(user, "keys")) {
      const path = ["users", index, "keys", place, "project"];
      if (project === undefined && seen.size !== 1) {
        report(path, `is required: the user is in ${seen.size} projects`);
      } else if (typeof project === "string" && !seen.has(project)) {
        report(path, "is not one of the user's projects");
      }
    }
  }
}

function checkDuplicateSecrets(document: unknown, report: Report): void {
  const first = new Map<string, string>();
  for (const section of ["projects", "users"]) {
    for (const [index, owner] of entries(document, section)) {
      for (const [place, { secret }] of entries(owner, "keys")) {
        if (typeof secret !== "string") continue;
        const path = [section, index, "keys", place, "secret"];
        const earlier = first.get(secret);
        if (earlier === undefined) first.set(secret, formatPath(path));
        else report(path, `is the same as ${earlier}`);
      }
    }
  }
}

function warningsOf(config: Config): Mistake[] {
  const warnings: Mistake[] = [];
  const warn: Report = (path, message) => warnings.push({ path: formatPath(path), message });
  for (const [index, provider] of config.providers.entries()) {
    if (provider.credentials.length === 0 && !localKinds.has(provider.kind)) {
      warn(["providers", index, "credentials"], `is empty: providers of the kind ${provider.kind} want one`);
    }
  }
  const checkPatterns = (patterns: readonly string[] | undefined, path: Path) => {
    for (const [place, pattern] of (patterns ?? []).entries()) {
      if (pattern === "*" || config.models.some((model) => matchesModel(pattern, model.name))) continue;
      warn([...path, "models", place], `matches no model: ${JSON.stringify(pattern)}`);
    }
  };
  for (const [index, { prices }] of config.projects.entries()) {
    for (const [place, { model }] of prices.entries()) {
      if (config.models.some(({ name }) => name === model)) continue;
      warn(["projects", index, "prices", place, "model"], `is the name of no model: ${JSON.stringify(model)}`);
    }
  }
  for (const section of ["projects", "users"] as const) {
    for (const [index, owner] of config[section].entries()) {
      if ("models" in owner) checkPatterns(owner.models, [section, index]);
      for (const [place, key] of owner.keys.entries()) checkPatterns(key.models, [section, index, "keys", place]);
    }
  }
  return warnings;
}
