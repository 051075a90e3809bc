/**
 * The catalog: what is publicly known of the vendors' models. The two data files are made by generate.ts; docs/catalog.md
 * tells how to find, override and renew what is in them.
 */
import type { Capabilities } from "../capabilities.ts";
import type { Price } from "../price.ts";
import { type ProviderKind, providerKinds } from "../provider-kind.ts";
import capabilityTable from "./capabilities.json" with { type: "json" };
import { findCapabilities, findPrice } from "./find.ts";
import priceTable from "./prices.json" with { type: "json" };
import { capabilityTableSchema, priceTableSchema } from "./rows.ts";

const capabilityRows = Map.groupBy(
  capabilityTableSchema.parse(capabilityTable).rows.flatMap((row) => row.kinds.map((kind) => ({ ...row, kind }))),
  ({ kind }) => kind,
);
const prices = priceTableSchema.parse(priceTable);
const priceRows = new Map(
  providerKinds.map((kind) => [
    kind,
    new Map(prices.rows.filter((row) => row.kinds.includes(kind)).map((row) => [row.model, row])),
  ]),
);

/** The version of the price table that is shipped. */
export const PRICE_TABLE_VERSION = prices.version;

/**
 * What a model of a provider accepts: what the catalog knows of it, with the administrator's own words laid over it, the
 * later over the earlier. Undefined when nobody says anything.
 */
export function capabilitiesOf(
  kind: ProviderKind,
  model: string,
  ...overrides: readonly (Capabilities | undefined)[]
): Capabilities | undefined {
  const known = findCapabilities(capabilityRows.get(kind) ?? [], model)?.capabilities;
  const merged: Capabilities = Object.assign({}, known, ...overrides);
  return Object.keys(merged).length > 0 ? merged : undefined;
}

/** The list price of a provider's model; undefined when the table has none. */
export function listPrice(kind: ProviderKind, model: string): Price | undefined {
  return findPrice(priceRows.get(kind) ?? new Map(), model)?.price;
}
