import type { Logger } from "pino";
import type {
  Claim,
  Counters,
  Entry,
  Grant,
  Note,
  NoteListener,
  Outcome,
  Place,
  Share,
  SilentHolder,
  Usage,
} from "./counters.ts";
import { connectRedis, inTime, type RedisClient, type Scripts } from "./redis/client.ts";

/** An operation waits for the answer meanwhile: longer than this, and Redis counts as away. */
const ANSWER_MS = 400;
const RECONNECT_MS = 250;
const MAX_SILENT = 64;
/** Late reports on a window that is over still find it. */
const KEPT_AFTER_END_MS = 60_000;

export interface RedisParts {
  readonly url: string;
  readonly logger: Logger;
  readonly notify: NoteListener;
  /** Called with each failure, for the metric. */
  readonly failed: () => void;
  /** Deployments that share a Redis have names of their own. */
  readonly name?: string;
}

/**
 * Counters in Redis or a Redis Cluster, for any number of instances. One round trip for each claim, by a script that does
 * the whole batch.
 *
 * All keys share one hash tag, and so one node of a cluster: a batch touches the limits of a key, its user, its project,
 * models and providers in any combination, and a script can be atomic only within one slot. A core does some 7,000 batches
 * of five limits a second, and gateways ask for leases far less often than they serve.
 *
 * As durable as Redis is: with `appendfsync everysec` a crash of its machine may lose the last second of grants. Then up
 * to what lay idle on the gateways can be granted twice, because what they have used they report again.
 */
export class RedisCounters implements Counters {
  readonly #parts: RedisParts;
  readonly #prefix: string;
  readonly #channel: string;
  #client: (RedisClient & Scripts) | null = null;
  #subscriber: RedisClient | null = null;
  #retry: NodeJS.Timeout | null = null;
  #closed = false;
  #connecting: Promise<void> = Promise.resolve();

  private constructor(parts: RedisParts) {
    this.#parts = parts;
    this.#prefix = `{${parts.name ?? "oneapi"}}`;
    this.#channel = `${this.#prefix}:notes`;
  }

  /** Begins to connect; until it has, and whenever Redis is away, every method rejects at once. */
  static async open(parts: RedisParts): Promise<RedisCounters> {
    const counters = new RedisCounters(parts);
    await counters.#connect();
    return counters;
  }

  async claim(claim: Claim): Promise<Outcome> {
    const { holder, sequence, now, entries } = claim;
    const keys = [this.#holders, this.#buried, this.#holder(holder), ...entries.map((entry) => this.#counter(entry))];
    const head = [holder, sequence, now, KEPT_AFTER_END_MS, this.#channel];
    const answer = await this.#ask((client) =>
      client.claim(keys.length, ...keys, ...head, ...entries.flatMap(entryArguments)),
    );
    const [kind, ...rest] = answer;
    if (kind === "missing") return { kind, balances: [...new Set(rest)] };
    const [newest, ...numbers] = rest.map(Number);
    return { kind: "granted", sequence: newest as number, grants: entries.map((_, index) => grantAt(numbers, index)) };
  }

  async open(counter: string, spent: ReadonlyMap<string, number>): Promise<void> {
    await this.#ask((client) => client.open(1, this.#counter({ counter, window: 0 }), ...[...spent].flat()));
  }

  async announce(places: readonly Place[]): Promise<void> {
    for (const place of places) {
      const fields = await this.#ask((client) => client.hgetall(this.#counter(place)));
      const notes = Object.entries(fields).flatMap(([field, text]) => {
        const holder = /^h:(.+)$/s.exec(field)?.[1];
        const { granted, spent, reserved, waiting } = parseRow(text);
        return holder !== undefined && (waiting || granted > spent + reserved) ? [[holder, place.counter]] : [];
      });
      if (notes.length > 0) await this.#ask((client) => client.publish(this.#channel, JSON.stringify(notes)));
    }
  }

  async read(places: readonly Place[]): Promise<(Usage | null)[]> {
    return Promise.all(
      places.map(async (place) => {
        const sums = await this.#ask((client) => client.hmget(this.#counter(place), "g", "s", "r"));
        const [granted, spent, reserved] = sums;
        if (granted == null) return null;
        return { granted: Number(granted), spent: Number(spent), reserved: Number(reserved) };
      }),
    );
  }

  async silent(before: number): Promise<SilentHolder[]> {
    const found = await this.#ask((client) =>
      client.zrangebyscore(this.#holders, "-inf", `(${before}`, "WITHSCORES", "LIMIT", 0, MAX_SILENT),
    );
    const silent: SilentHolder[] = [];
    for (let at = 0; at + 1 < found.length; at += 2) {
      const holder = found[at] as string;
      const places = await this.#placesOf(holder);
      const rows = await Promise.all(
        places.map((place) => this.#ask((client) => client.hget(this.#counter(place), `h:${holder}`))),
      );
      const shares = places.flatMap((place, index): Share[] => {
        const text = rows[index];
        if (text == null) return [];
        const { waiting: _, ...usage } = parseRow(text);
        return [{ ...place, ...usage }];
      });
      silent.push({ holder, heardAt: Number(found[at + 1]), shares });
    }
    return silent;
  }

  async bury(holder: string, heardAt: number, shares: readonly Share[], now: number): Promise<boolean> {
    const keys = [this.#holders, this.#buried, ...shares.map((share) => this.#counter(share))];
    const values = shares.flatMap(({ counter, granted, spent, reserved }) => [counter, granted, spent, reserved]);
    const buried = await this.#ask((client) =>
      client.bury(keys.length, ...keys, holder, heardAt, now, this.#channel, ...values),
    );
    return buried === 1;
  }

  async forget(before: number): Promise<void> {
    const holders = await this.#ask((client) => client.zrangebyscore(this.#buried, "-inf", `(${before}`));
    for (const holder of holders) {
      const counters = (await this.#placesOf(holder)).map((place) => this.#counter(place));
      const keys = [this.#buried, this.#holder(holder), ...counters];
      await this.#ask((client) => client.forget(keys.length, ...keys, holder, before));
    }
  }

  /** Redis lets go of counters by itself; what is left are the names of them that holders have. */
  async sweep(endedBefore: number): Promise<void> {
    const living = await this.#ask((client) => client.zrange(this.#holders, "0", "-1"));
    const buried = await this.#ask((client) => client.zrange(this.#buried, "0", "-1"));
    for (const holder of [...living, ...buried]) {
      const fields = await this.#ask((client) => client.hgetall(this.#holder(holder)));
      const ended = Object.entries(fields).filter(
        ([field, endsAt]) => field !== "sequence" && endsAt !== "" && Number(endsAt) < endedBefore,
      );
      const names = ended.map(([field]) => field);
      if (names.length > 0) await this.#ask((client) => client.hdel(this.#holder(holder), ...names));
    }
  }

  async size(): Promise<number> {
    return this.#ask(async (client) => {
      const masters = "nodes" in client ? client.nodes("master") : [client];
      const sizes = await Promise.all(masters.map((node) => node.dbsize()));
      return sizes.reduce((sum, size) => sum + size, 0);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#retry) clearTimeout(this.#retry);
    await this.#connecting;
    this.#client?.disconnect();
    this.#subscriber?.disconnect();
  }

  get #holders(): string {
    return `${this.#prefix}:holders`;
  }

  get #buried(): string {
    return `${this.#prefix}:buried`;
  }

  #holder(holder: string): string {
    return `${this.#prefix}:holder:${holder}`;
  }

  #counter({ counter, window }: Place): string {
    return `${this.#prefix}:counter:${window}:${counter}`;
  }

  /** The lasting counters of a holder. */
  async #placesOf(holder: string): Promise<Place[]> {
    const fields = await this.#ask((client) => client.hkeys(this.#holder(holder)));
    return fields.flatMap((field) => {
      const [, window, counter] = /^(\d+):(.+)$/s.exec(field) ?? [];
      return counter === undefined ? [] : [{ counter, window: Number(window) }];
    });
  }

  /** Asks Redis with a bound on the time that it may take. */
  async #ask<Answer>(command: (client: RedisClient & Scripts) => Promise<Answer>): Promise<Answer> {
    try {
      if (this.#client === null) throw new Error("there is no connection to Redis");
      return await inTime(command(this.#client), ANSWER_MS);
    } catch (error) {
      this.#parts.failed();
      throw error;
    }
  }

  /** The first connection, which tells a cluster from a single server; later ones are ioredis'. */
  async #connect(): Promise<void> {
    this.#connecting = this.#tryToConnect().catch((error) => {
      this.#parts.logger.warn({ err: error }, "cannot reach Redis: no leases are granted until it is back");
      if (!this.#closed) this.#retry = setTimeout(() => void this.#connect(), RECONNECT_MS);
    });
    await this.#connecting;
  }

  async #tryToConnect(): Promise<void> {
    const client = await connectRedis(this.#parts.url);
    try {
      // A connection that subscribes can do nothing else.
      const subscriber = await connectRedis(this.#parts.url);
      this.#subscriber = subscriber;
      subscriber.on("message", (_channel: string, text: string) => this.#parts.notify(parseNotes(text)));
      await subscriber.subscribe(this.#channel);
    } catch (error) {
      client.disconnect();
      this.#subscriber?.disconnect();
      throw error;
    }
    this.#client = client;
    this.#parts.logger.info({ cluster: "nodes" in client }, "Redis counts the limits");
  }
}

function entryArguments(entry: Entry): (string | number)[] {
  const flag = (is: boolean) => (is ? 1 : 0);
  return [
    entry.counter,
    entry.window,
    entry.endsAt ?? "",
    flag(entry.current),
    entry.amount,
    flag(entry.refundable),
    flag(entry.balance),
    flag(entry.lasting),
    entry.spent,
    entry.reserved,
    entry.need,
    entry.keep,
  ];
}

const NUMBERS_PER_GRANT = 4;

function grantAt(numbers: readonly number[], index: number): Grant {
  const at = index * NUMBERS_PER_GRANT;
  const [granted, left, edge, final] = numbers.slice(at, at + NUMBERS_PER_GRANT) as [number, number, number, number];
  return { granted, left, edge: edge === 1, final: final === 1 };
}

function parseRow(text: string): Usage & { waiting: boolean } {
  const [granted = 0, spent = 0, reserved = 0, waiting = 0] = text.split(" ").map(Number);
  return { granted, spent, reserved, waiting: waiting === 1 };
}

function parseNotes(text: string): Note[] {
  return (JSON.parse(text) as [string, string][]).map(([holder, counter]) => ({ holder, counter }));
}
