/** A stream that runs beside a test. A trap of the filter cuts every stream of its worker, the end of oneapi-kong every stream of that: so it shows both. */
import { contentOf, type IncomingStream } from "./http.ts";
import { chat, KEYS, type World } from "./world.ts";

export interface Sentinel {
  /** Throws when the stream has been cut, ended, or has stopped to move. */
  check(): Promise<void>;
  leave(): void;
}

const EVERY_MS = 100;

/** @param world with one worker: with more, a trap in another one would go unseen. */
export async function startSentinel(world: World): Promise<Sentinel> {
  // Its own upstream model name keeps scripts of the test away from it, and this script away from the test.
  world.secondary.script({ match: { model: SENTINEL }, between_ms: EVERY_MS });
  const body = chat(SENTINEL, "count 36000", { stream: true });
  const stream = await world.gateway.stream("/chat/completions", KEYS.main, body);
  if (stream.status !== 200) throw new Error(`no sentinel: ${stream.status}`);
  const watch = { seen: 0, ended: null as string | null };
  void read(stream, watch);
  return {
    check: async () => {
      const before = watch.seen;
      const deadline = performance.now() + 100 * EVERY_MS;
      while (watch.seen === before && watch.ended === null && performance.now() < deadline) {
        await new Promise((next) => setTimeout(next, EVERY_MS / 2));
      }
      if (watch.ended !== null) throw new Error(`a stream of the same worker was cut: ${watch.ended}`);
      if (watch.seen === before) throw new Error("a stream of the same worker stands still");
    },
    leave: () => stream.leave(),
  };
}

export const SENTINEL = "sentinel";

async function read(stream: IncomingStream, watch: { seen: number; ended: string | null }): Promise<void> {
  try {
    for await (const event of stream.events) {
      if (contentOf([event]) !== "") watch.seen += 1;
    }
    watch.ended ??= "it ended";
  } catch (problem) {
    watch.ended ??= String(problem);
  }
}
