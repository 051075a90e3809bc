import { formatUsd } from "@oneapi/contract";
import type { ConfiguredLimit } from "./configured-limits.ts";
import type { Usage } from "./counters.ts";
import type { Limits } from "./limits.ts";
import { windowAt } from "./windows.ts";

/** A limit as `/admin/v1` shows it; amounts of spend are USD, as in oneapi.yaml. */
function presentLimit(limit: ConfiguredLimit, usage: Usage, now: number) {
  const { end } = windowAt(limit.window, now);
  const shown = (units: number) => (limit.metric === "spend" ? formatUsd(BigInt(units)) : units);
  return {
    id: limit.id,
    subject: limit.subject,
    name: limit.name,
    metric: limit.metric,
    window: limit.window,
    amount: shown(limit.amount),
    used: shown(usage.spent),
    reserved: shown(usage.reserved),
    /** Used and reserved taken away; what gateways hold idle counts as left, because they give it back. */
    left: shown(Math.max(0, limit.amount - usage.spent - usage.reserved)),
    resets_at: end === null ? null : new Date(end).toISOString(),
  };
}

/** The state of limits in their present windows, as gateways have reported it. */
export async function limitStates(limits: Limits, asked: readonly ConfiguredLimit[], now: number) {
  const places = asked.map(({ id, window }) => ({ counter: id, window: windowAt(window, now).start }));
  const usages = await limits.counters.read(places);
  const unused: Usage = { granted: 0, spent: 0, reserved: 0 };
  return asked.map((limit, index) => presentLimit(limit, usages[index] ?? unused, now));
}
