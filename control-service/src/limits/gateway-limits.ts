import { counterId, type GatewayLimit, type LimitSettings, type LimitSubject, nanoUsd } from "@oneapi/contract";

/** The limits of one subject as gateways count them: with the ids of their counters, in whole units. */
export function gatewayLimits(
  subject: LimitSubject,
  name: string,
  limits: readonly LimitSettings[],
): Map<string, GatewayLimit> {
  const found = new Map<string, GatewayLimit>();
  for (const limit of limits) {
    const { metric } = limit;
    const window = metric === "concurrency" ? "none" : limit.window;
    const amount = metric === "spend" ? Number(nanoUsd(limit.amount)) : limit.amount;
    const id = counterId({ subject, name, metric, window });
    // Of two limits that one counter counts, the smaller one holds.
    found.set(id, { id, metric, window, amount: Math.min(amount, found.get(id)?.amount ?? amount) });
  }
  return found;
}
