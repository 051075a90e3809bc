/** Makes the catalog's two tables of the public data and of our own overlay. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { type Capabilities, capabilitiesSchema } from "../capabilities.ts";
import { matchesModel, modelPatternSchema } from "../name.ts";
import type { ProviderKind } from "../provider-kind.ts";
import { deriveCapabilities, derivePrice } from "./derive.ts";
import { findCapabilities, findPrice } from "./find.ts";
import type { PublicData, PublicModel } from "./public-data.ts";
import { type CapabilityRow, capabilityRowSchema, kindsSchema, type PriceRow, priceRowSchema } from "./rows.ts";

const provenance = { source: z.string().min(1), date: z.iso.date() };
const said = z.array(z.strictObject({ model: modelPatternSchema, capabilities: capabilitiesSchema }));

/**
 * What vendors' pages say that the public data lacks or has wrong. A family holds for every model whose name fits,
 * unless the public data or a correction says otherwise; a correction is stronger than the public data.
 */
export const overlaySchema = z.strictObject({
  capabilities: z.array(
    z.strictObject({ kinds: kindsSchema, ...provenance, families: said, corrections: said.default([]) }),
  ),
  prices: z.array(priceRowSchema),
  /** Patterns of what is listed among the models that our endpoints serve, and is none of them. */
  leave_out: z.array(modelPatternSchema),
});
export type Overlay = z.output<typeof overlaySchema>;

/** How the public data names the kinds whose models it lists, and the prefix of their names. */
const VENDORS: Partial<Record<ProviderKind, { vendors: readonly string[]; prefix: string }>> = {
  openai: { vendors: ["openai", "text-completion-openai"], prefix: "" },
  azure: { vendors: ["azure"], prefix: "azure/" },
  anthropic: { vendors: ["anthropic"], prefix: "" },
  gemini: { vendors: ["gemini"], prefix: "gemini/" },
  dashscope: { vendors: ["dashscope"], prefix: "dashscope/" },
  zhipu: { vendors: ["zai"], prefix: "zai/" },
};
/** What our endpoints serve. */
const MODES: readonly unknown[] = ["chat", "completion", "embedding", "image_generation"];

/** The models of a kind, by the name that one asks the provider for. */
function modelsOf(
  kind: ProviderKind,
  { models }: PublicData,
  overlay: Pick<Overlay, "leave_out">,
): Map<string, PublicModel> {
  const { vendors, prefix } = VENDORS[kind] ?? { vendors: [], prefix: "" };
  const found = Object.entries(models).flatMap(([key, model]): [string, PublicModel][] => {
    if (!vendors.includes(String(model.litellm_provider)) || !MODES.includes(model.mode)) return [];
    const name = key.startsWith(prefix) ? key.slice(prefix.length) : "";
    // With a slash left it is a size or a region of a model, not a model.
    if (name === "" || name.includes("/")) return [];
    return overlay.leave_out.some((pattern) => matchesModel(pattern, name)) ? [] : [[name.toLowerCase(), model]];
  });
  return new Map(found.sort(([left], [right]) => left.length - right.length || (left < right ? -1 : 1)));
}

/**
 * A family is one row. A model has a row of its own only where what is known of it differs from what the rows so far say:
 * the shorter names come first, so that a snapshot or a variant follows its model.
 */
export function capabilityTable(data: PublicData, overlay: Overlay): { rows: CapabilityRow[] } {
  const rows = overlay.capabilities.flatMap((entry) => rowsOf(entry, data, overlay));
  return { rows: rows.map((row) => capabilityRowSchema.parse(row)) };
}

function rowsOf(entry: Overlay["capabilities"][number], data: PublicData, overlay: Overlay): CapabilityRow[] {
  const { kinds, source, date, families, corrections } = entry;
  const rows: CapabilityRow[] = families.map((family) => ({ kinds, ...family, source, date }));
  const add = (kind: ProviderKind, model: string, told: PublicModel) => {
    const correction = findCapabilities(corrections, model)?.capabilities;
    const family = findCapabilities(families, model)?.capabilities;
    const capabilities = laidOver(laidOver(family ?? {}, deriveCapabilities(kind, told)), correction ?? {});
    const known = findCapabilities(rows, model)?.capabilities;
    if (sameText(known ?? {}, capabilities)) return;
    const page = typeof told.source === "string" ? told.source : data.source;
    const row = { kinds, model: `${model}*`, capabilities, source: page, date: data.date };
    // A family that is named like one of its models gets what is known of that one too.
    const same = rows.findIndex((earlier) => earlier.model === row.model);
    if (same < 0) rows.push(row);
    else rows[same] = { ...row, source: `${page}, ${source}` };
  };
  const done = new Set<string>();
  for (const kind of kinds) {
    for (const [model, told] of modelsOf(kind, data, overlay)) {
      if (!done.has(model)) add(kind, model, told);
      done.add(model);
    }
  }
  return rows;
}

/** The fields of both, the second's where both have one; what either says is refused is refused. */
function laidOver(under: Capabilities, over: Capabilities): Capabilities {
  const refuses = [...new Set([...(under.refuses ?? []), ...(over.refuses ?? [])])];
  const merged = { ...under, ...over, ...(refuses.length > 0 && { refuses }) };
  return capabilitiesSchema.parse(merged);
}

/** One row for each price that a name has; snapshots that cost what their model costs need none. */
export function priceTable(data: PublicData, overlay: Overlay): { version: string; rows: PriceRow[] } {
  const rows: PriceRow[] = [];
  for (const kind of Object.keys(VENDORS) as ProviderKind[]) {
    const own = new Map<string, PriceRow>();
    for (const row of overlay.prices) if (row.kinds.includes(kind)) own.set(row.model, { ...row, kinds: [kind] });
    for (const [model, told] of modelsOf(kind, data, overlay)) {
      const price = derivePrice(told);
      if (price === undefined || own.has(model)) continue;
      const known = findPrice(own, model);
      if (known !== undefined && sameText(known.price, price)) continue;
      const source = typeof told.source === "string" ? told.source : data.source;
      own.set(model, priceRowSchema.parse({ kinds: [kind], model, price, source, date: data.date }));
    }
    for (const row of own.values()) merge(rows, row);
  }
  const version = createHash("sha256").update(JSON.stringify(rows)).digest("hex").slice(0, 16);
  return { version, rows };
}

/** Adds a row, or its kind to the row of another kind that says the same of the same name. */
function merge(rows: PriceRow[], row: PriceRow): void {
  const same = rows.find(({ model, price }) => model === row.model && sameText(price, row.price));
  if (same === undefined) rows.push(row);
  else same.kinds.push(...row.kinds);
}

function sameText(left: object, right: object): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

/** A table as a file of one row for each line. */
export function tableText(table: { readonly rows: readonly object[] }): string {
  const { rows, ...head } = table;
  const fields = Object.entries(head).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)},\n`);
  return `{${fields.join("")}"rows":[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]}\n`;
}
