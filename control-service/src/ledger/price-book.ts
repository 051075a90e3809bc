import type { Price as ConfiguredPrice } from "@oneapi/contract";
import { type Kysely, sql } from "kysely";
import type { Tables } from "../store/tables.ts";
import { type Price, price, priceOf } from "./pricing.ts";

export interface PricedModel {
  readonly name: string;
  /** Undefined: the model has no price. */
  readonly price: ConfiguredPrice | undefined;
}

/**
 * The prices that records are billed by: those of the configuration in force, and for a model that has left it the last
 * one that it had, because records of its last operations arrive afterwards.
 */
export class PriceBook {
  readonly #database: Kysely<Tables>;
  #byModel: ReadonlyMap<string, Price>;

  private constructor(database: Kysely<Tables>, byModel: ReadonlyMap<string, Price>) {
    this.#database = database;
    this.#byModel = byModel;
  }

  /** Reads the last price of every model. */
  static async open(database: Kysely<Tables>): Promise<PriceBook> {
    const rows = await database
      .selectFrom("prices")
      .distinctOn("model")
      .select(["model", "input", "cached_input", "cache_write", "output"])
      .orderBy("model")
      .orderBy("in_force_at", "desc")
      .execute();
    return new PriceBook(
      database,
      new Map(
        rows.map((row) => [
          row.model,
          price({
            input: row.input,
            cachedInput: row.cached_input,
            cacheWrite: row.cache_write,
            output: row.output,
          }),
        ]),
      ),
    );
  }

  priceOf(model: string): Price | undefined {
    return this.#byModel.get(model);
  }

  /** Puts a configuration's prices in force; each is in the database before a record can name it. */
  async enforce(models: readonly PricedModel[], now: Date): Promise<void> {
    const next = new Map(this.#byModel);
    for (const { name, price } of models) {
      if (price === undefined) next.delete(name);
      else next.set(name, priceOf(price));
    }
    const priced = models.flatMap(({ name }) => {
      const price = next.get(name);
      return price === undefined ? [] : [{ name, price }];
    });
    if (priced.length > 0) {
      const column = (read: (price: Price) => bigint) => priced.map(({ price }) => read(price).toString());
      await sql`
        insert into prices (model, version, input, cached_input, cache_write, output, in_force_at)
        select model, version, input, cached_input, cache_write, output, ${now}::timestamptz
        from unnest(
          ${priced.map(({ name }) => name)}::text[],
          ${priced.map(({ price }) => price.version)}::text[],
          ${column((price) => price.rates.input)}::int8[],
          ${column((price) => price.rates.cachedInput)}::int8[],
          ${column((price) => price.rates.cacheWrite)}::int8[],
          ${column((price) => price.rates.output)}::int8[]
        ) as price (model, version, input, cached_input, cache_write, output)
        on conflict (model, version) do update set in_force_at = excluded.in_force_at
      `.execute(this.#database);
    }
    this.#byModel = next;
  }
}
