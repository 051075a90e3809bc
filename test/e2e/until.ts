import { setTimeout as wait } from "node:timers/promises";

/**
 * Asks until the answer satisfies, and gives it back. Throws with the last answer (or the last failure) at the deadline.
 * @param what names in the failure what was waited for
 */
export async function until<Value>(
  what: string,
  ask: () => Value | Promise<Value>,
  satisfies: (value: Value) => boolean,
  withinMs = 10_000,
): Promise<Value> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await ask();
      if (satisfies(value)) return value;
      last = value;
    } catch (problem) {
      last = problem;
    }
    if (performance.now() > deadline) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`not within ${withinMs} ms: ${what}; last seen: ${seen?.slice(0, 2000)}`);
    }
    await wait(20);
  }
}
