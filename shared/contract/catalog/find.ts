/** How a model's row is found in the catalog's tables. */
import { matchesModel } from "../name.ts";
import type { CapabilityRow, PriceRow } from "./rows.ts";

/** The row of a model: of those whose pattern fits, the one that spells out most of the name. */
export function findCapabilities<Row extends Pick<CapabilityRow, "model">>(
  rows: readonly Row[],
  model: string,
): Row | undefined {
  const names = spellings(model);
  let found: Row | undefined;
  for (const row of rows) {
    if (found !== undefined && literals(row.model) <= literals(found.model)) continue;
    if (names.some((name) => matchesModel(row.model, name))) found = row;
  }
  return found;
}

/** The row of exactly this model, whatever the day of its snapshot and whoever fine-tuned it. */
export function findPrice(rows: ReadonlyMap<string, PriceRow>, model: string): PriceRow | undefined {
  const name = model.toLowerCase().replace(/^models\//, "");
  // ft:gpt-4o-2024-08-06:acme::id
  const base = /^ft:[^:]+/.exec(name)?.[0] ?? name;
  return rows.get(base) ?? rows.get(base.replace(SNAPSHOT, ""));
}

/** `-2026-03-05`, `-20260305`, `@20260305`. */
const SNAPSHOT = /[-@]20\d\d-?\d\d-?\d\d$/;

/** The name itself, and what follows a vendor's or a cloud's prefix (`models/`, `us.anthropic.`, `ft:`). */
function spellings(model: string): string[] {
  const name = model.toLowerCase();
  return [name, ...[...name.matchAll(/[/.:]/g)].map(({ index }) => name.slice(index + 1))];
}

function literals(pattern: string): number {
  return pattern.replaceAll("*", "").length;
}
