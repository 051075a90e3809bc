import { z } from "zod";

/** The name of a provider, a project or a user: also safe in URLs, cluster names and file names. */
export const nameSchema = z.string({ error: "must be a name" }).regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
  error: "must be 1 to 63 letters, digits, dots, underscores or dashes, and start with a letter or digit",
});

/** The public name of a model, as clients send it; vendors use slashes, colons and dots in theirs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
export const modelNameSchema = z.string({ error: "must be the name of a model" }).regex(/^[^\s"\\\x00-\x1f*]{1,128}$/, {
  error: "must be 1 to 128 characters without white space, quotes, backslashes or *",
});

/** The name of a model, where each `*` stands for any characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
export const modelPatternSchema = z.string({ error: "must be a pattern" }).regex(/^[^\s"\\\x00-\x1f]{1,128}$/, {
  error: "must be the name of a model, in which * stands for any characters",
});

/** Says whether a pattern of {@link modelPatternSchema} covers a model's name. */
export function matchesModel(pattern: string, model: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === model;
  const last = rest.pop() as string;
  if (!model.startsWith(first) || model.length < first.length + last.length || !model.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = model.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= model.length - last.length;
}

/** What may be asked for; a list that is left out allows everything, so an empty one would only confuse. */
export const modelPatternsSchema = z
  .array(modelPatternSchema, { error: "must be a list of models" })
  .min(1, { error: 'must name at least one model ("*" is all of them)' })
  .max(256, { error: "must have at most 256 entries" });
