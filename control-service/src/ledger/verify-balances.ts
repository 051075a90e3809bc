import { setTimeout as sleep } from "node:timers/promises";
import type { Kysely } from "kysely";
import { isBalance, recordedSpend } from "../limits/balances.ts";
import { type ConfiguredLimit, configuredLimits } from "../limits/configured-limits.ts";
import type { Counters } from "../limits/counters.ts";
import type { Tables } from "../store/tables.ts";

/** A balance by its counter and by the ledger; all in nano-USD as decimal text. */
export interface BalanceCheck {
  readonly id: string;
  /** The limit's amount and the sum of its entries. */
  readonly amount: string;
  /** What gateways reported as spent. */
  readonly spent: string;
  /** The sum of the records' costs since the balance began. */
  readonly recorded: string;
  /** What gateways may have spent beyond that without a report yet. */
  readonly in_flight: string;
  /** By the ledger: `amount` without `recorded`. */
  readonly left: string;
  readonly correct: boolean;
}

export interface BalanceVerification {
  readonly checked: number;
  readonly wrong: number;
  /** Those that are wrong. */
  readonly differences: readonly BalanceCheck[];
}

/** A gateway reports what it spent, and sends the record, within this, in one order or the other. */
const PATIENCE_MS = 2000;
const STEP_MS = 250;

/**
 * Computes every balance again from the records. While gateways serve, a record may be there before its spending is
 * reported, or after: a balance is right when its records lie between what was reported and what was granted, at once
 * or a moment later.
 *
 * @throws when the counters cannot be reached.
 */
export async function verifyBalances(database: Kysely<Tables>, counters: Counters): Promise<BalanceVerification> {
  const balances = (await configuredLimits(database)).filter(isBalance);
  const deadline = performance.now() + PATIENCE_MS;
  let checks = await Promise.all(balances.map((balance) => check(database, counters, balance)));
  for (;;) {
    const wrong = checks.filter(({ correct }) => !correct);
    if (wrong.length === 0 || performance.now() > deadline) {
      return { checked: checks.length, wrong: wrong.length, differences: wrong };
    }
    await sleep(STEP_MS);
    checks = await Promise.all(
      checks.map((known, index) =>
        known.correct ? known : check(database, counters, balances[index] as ConfiguredLimit),
      ),
    );
  }
}

async function check(
  database: Kysely<Tables>,
  counters: Counters,
  { id, amount }: ConfiguredLimit,
): Promise<BalanceCheck> {
  const [usage] = await counters.read([{ counter: id, window: 0 }]);
  const recorded = await recordedSpend(database, id);
  // A balance that no gateway has asked for yet begins at what is recorded.
  const spent = usage ? BigInt(usage.spent) : recorded;
  const inFlight = usage ? BigInt(usage.granted - usage.spent) : 0n;
  return {
    id,
    amount: String(amount),
    spent: String(spent),
    recorded: String(recorded),
    in_flight: String(inFlight),
    left: String(BigInt(amount) - recorded),
    correct: recorded >= spent && recorded <= spent + inFlight,
  };
}
