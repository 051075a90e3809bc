import type { Mistake } from "@oneapi/contract";
import { parseDocument, type YAMLParseError, type YAMLWarning } from "yaml";

/** A few lines of aliases of aliases can stand for more than fits in memory. */
const MAX_ALIASES = 100;

export type ParsedText = { readonly document: unknown; readonly mistakes: [] } | { readonly mistakes: Mistake[] };

/** Parses the YAML 1.2 text of an oneapi.yaml; keys given twice and unknown tags are mistakes. */
export function parseConfigText(text: string): ParsedText {
  const document = parseDocument(text, { version: "1.2", prettyErrors: true, uniqueKeys: true, strict: true });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) return { mistakes: faults.map(mistakeOf) };
  try {
    return { document: document.toJS({ maxAliasCount: MAX_ALIASES }), mistakes: [] };
  } catch (error) {
    return { mistakes: [{ path: "", message: (error as Error).message }] };
  }
}

function mistakeOf({ message, linePos }: YAMLParseError | YAMLWarning): Mistake {
  const [start] = linePos ?? [];
  // The parser shows the offending lines below its message; they may hold a secret.
  const summary = (message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, "");
  return { path: start ? `line ${start.line}, column ${start.col}` : "", message: summary };
}
