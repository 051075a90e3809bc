import { z } from "zod";
import { capabilitiesSchema } from "../capabilities.ts";
import { modelPatternSchema } from "../name.ts";
import { priceSchema } from "../price.ts";
import { providerKinds } from "../provider-kind.ts";

export const kindsSchema = z.array(z.enum(providerKinds)).min(1);
/** Where a fact was read, and when. */
const provenance = { source: z.string().min(1), date: z.iso.date() };

export const capabilityRowSchema = z.strictObject({
  kinds: kindsSchema,
  /** A pattern of {@link modelPatternSchema}. */
  model: modelPatternSchema,
  capabilities: capabilitiesSchema,
  ...provenance,
});
export type CapabilityRow = z.output<typeof capabilityRowSchema>;

export const capabilityTableSchema = z.strictObject({ rows: z.array(capabilityRowSchema) });

export const priceRowSchema = z.strictObject({
  kinds: kindsSchema,
  model: z.string().min(1),
  price: priceSchema,
  ...provenance,
});
export type PriceRow = z.output<typeof priceRowSchema>;

export const priceTableSchema = z.strictObject({
  /** A hash of the rows: two tables of one version hold the same prices. */
  version: z.string(),
  rows: z.array(priceRowSchema),
});
