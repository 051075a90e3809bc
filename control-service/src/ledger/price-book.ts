import type { Price as ConfiguredPrice, UsageRecord } from "@oneapi/contract";
import type { Kysely } from "kysely";
import type { Tables } from "../store/tables.ts";
import { type OwnedPrice, type PriceOwner, readPrice, writePrices } from "./price-rows.ts";
import { type Price, priceOf } from "./pricing.ts";

/** A target as it is configured. */
export interface PricedTarget extends PriceOwner {
  /** The list price; undefined: the price table has none. */
  readonly price: Price | undefined;
}

export interface PricedModel {
  readonly name: string;
  /** Undefined: the model costs what its targets do. */
  readonly price: ConfiguredPrice | undefined;
  readonly targets: readonly PricedTarget[];
}

/** What tells of a record by which price it is billed. */
export type BilledBy = Pick<UsageRecord, "requested_model" | "served_model" | "provider" | "attempts">;

/**
 * The prices that records are billed by: those of the configuration in force, and for a model or target that has left it
 * the last one that it had, because records of its last operations arrive afterwards.
 */
export class PriceBook {
  readonly #database: Kysely<Tables>;
  #prices: ReadonlyMap<string, Price>;
  /** Of each model, the target that would have been asked first. */
  #first: ReadonlyMap<string, PriceOwner> = new Map();

  private constructor(database: Kysely<Tables>, prices: ReadonlyMap<string, Price>) {
    this.#database = database;
    this.#prices = prices;
  }

  /** Reads the last price of every model and target. */
  static async open(database: Kysely<Tables>): Promise<PriceBook> {
    const rows = await database
      .selectFrom("prices")
      .distinctOn(["provider", "model"])
      .selectAll()
      .orderBy("provider")
      .orderBy("model")
      .orderBy("in_force_at", "desc")
      .execute();
    return new PriceBook(database, new Map(rows.map((row) => [label(row), readPrice(row)])));
  }

  /**
   * The price of the model that was asked for; where it has none of its own the list price of the target that served, or
   * else was asked last, or else would have been asked.
   */
  priceOf({ requested_model, served_model, provider, attempts }: BilledBy): Price | undefined {
    const model = requested_model ?? "";
    const own = this.#prices.get(label({ provider: "", model }));
    if (own !== undefined) return own;
    const served = provider !== null && served_model !== null ? { provider, model: served_model } : attempts.at(-1);
    const target = served ?? this.#first.get(model);
    return target && this.#prices.get(label(target));
  }

  /** Puts a configuration's prices in force; each is in the database before a record can name it. */
  async enforce(models: readonly PricedModel[], now: Date): Promise<void> {
    const named = models.flatMap(({ name, price, targets }): { owner: PriceOwner; price: Price | undefined }[] => [
      { owner: { provider: "", model: name }, price: price && priceOf(price) },
      ...targets.map(({ provider, model, price }) => ({ owner: { provider, model }, price })),
    ]);
    const next = new Map(this.#prices);
    const priced = new Map<string, OwnedPrice>();
    for (const { owner, price } of named) {
      if (price === undefined) next.delete(label(owner));
      else {
        next.set(label(owner), price);
        priced.set(label(owner), { ...owner, price });
      }
    }
    await writePrices(this.#database, [...priced.values()], now);
    this.#prices = next;
    this.#first = new Map(models.flatMap(({ name, targets: [first] }) => (first === undefined ? [] : [[name, first]])));
  }
}

/** No provider's name has a space. */
function label({ provider, model }: PriceOwner): string {
  return `${provider} ${model}`;
}
