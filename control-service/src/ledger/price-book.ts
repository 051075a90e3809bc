import type { Price as ConfiguredPrice, UsageRecord } from "@oneapi/contract";
import type { Kysely } from "kysely";
import type { Tables } from "../store/tables.ts";
import { type OwnedPrice, type PriceOwner, readPrice, writePrices } from "./price-rows.ts";
import { type Price, priceOf } from "./pricing.ts";

/** A target as it is configured. */
export interface PricedTarget extends Omit<PriceOwner, "project"> {
  /** The list price; undefined: the price table has none. */
  readonly price: Price | undefined;
}

export interface PricedModel {
  readonly name: string;
  /** Undefined: the model costs what its targets do. */
  readonly price: ConfiguredPrice | undefined;
  readonly targets: readonly PricedTarget[];
}

export interface PricedProject {
  readonly name: string;
  readonly prices: readonly { readonly model: string; readonly price: ConfiguredPrice }[];
}

/** All that a configuration says of prices. */
export interface PriceList {
  readonly models: readonly PricedModel[];
  readonly projects: readonly PricedProject[];
}

/** What tells of a record by which price it is billed. */
export type BilledBy = Pick<UsageRecord, "project" | "requested_model" | "served_model" | "provider" | "attempts">;

/**
 * The prices that records are billed by: those of the configuration in force, and for a project, model or target that has
 * left it the last one that it had, because records of its last operations arrive afterwards.
 */
export class PriceBook {
  readonly #database: Kysely<Tables>;
  #prices: ReadonlyMap<string, Price>;
  /** Of each model, the target that would have been asked first. */
  #first: ReadonlyMap<string, Omit<PriceOwner, "project">> = new Map();

  private constructor(database: Kysely<Tables>, prices: ReadonlyMap<string, Price>) {
    this.#database = database;
    this.#prices = prices;
  }

  /** Reads the last price of every project, model and target. */
  static async open(database: Kysely<Tables>): Promise<PriceBook> {
    const rows = await database
      .selectFrom("prices")
      .distinctOn(["project", "provider", "model"])
      .selectAll()
      .orderBy("project")
      .orderBy("provider")
      .orderBy("model")
      .orderBy("in_force_at", "desc")
      .execute();
    return new PriceBook(database, new Map(rows.map((row) => [label(row), readPrice(row)])));
  }

  /**
   * The price of the model that was asked for, the project's before everybody's; where there is none the list price of the target that served, or
   * else was asked last, or else would have been asked.
   */
  priceOf({ project, requested_model, served_model, provider, attempts }: BilledBy): Price | undefined {
    const model = requested_model ?? "";
    const own =
      this.#prices.get(label({ project, provider: "", model })) ??
      this.#prices.get(label({ project: "", provider: "", model }));
    if (own !== undefined) return own;
    const served = provider !== null && served_model !== null ? { provider, model: served_model } : attempts.at(-1);
    const target = served ?? this.#first.get(model);
    return target && this.#prices.get(label({ project: "", provider: target.provider, model: target.model }));
  }

  /** Puts a configuration's prices in force; each is in the database before a record can name it. */
  async enforce({ models, projects }: PriceList, now: Date): Promise<void> {
    const named = [
      ...models.flatMap(({ name, price, targets }): NamedPrice[] => [
        { owner: { project: "", provider: "", model: name }, price: price && priceOf(price) },
        ...targets.map(({ provider, model, price }) => ({ owner: { project: "", provider, model }, price })),
      ]),
      ...projects.flatMap(({ name, prices }): NamedPrice[] =>
        prices.map(({ model, price }) => ({ owner: { project: name, provider: "", model }, price: priceOf(price) })),
      ),
    ];
    // A project that is there has the prices that it names, and no others.
    const present = new Set(projects.map(({ name }) => name));
    const next = new Map([...this.#prices].filter(([key]) => !present.has(projectOf(key))));
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

interface NamedPrice {
  readonly owner: PriceOwner;
  readonly price: Price | undefined;
}

/** No project's or provider's name has a space. */
function label({ project, provider, model }: PriceOwner): string {
  return `${project} ${provider} ${model}`;
}

/** "" for the price of all. */
function projectOf(label: string): string {
  return label.slice(0, label.indexOf(" "));
}
