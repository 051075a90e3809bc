/** What shows only on Envoys that are started for it: how soon they answer, and how much memory they come to hold. */
import type { StartedEnvoy } from "./envoys.ts";
import type { Figure, Measured, Pair } from "./figure.ts";
import { memoryOf } from "./machine.ts";
import type { Stand } from "./stand.ts";

const added = { compare: "difference", checked: false } as const;
const READY: Figure = { ...added, what: "Start: until the first chat is answered", unit: "s", goal: 0.4, limit: 1 };
const GROWTH: Figure = { ...added, what: "Memory: growth in the second half", unit: "MiB", goal: 5, limit: null };

function memoryAfter(requests: number): Figure {
  const what = `Memory after ${requests.toLocaleString("en")} chats`;
  return { ...added, what, unit: "MiB", goal: 40, limit: 80 };
}

/** Each life is one start, so there are fewer pairs than of slices. */
export async function measureStart(rounds: number, stand: Stand): Promise<Measured[]> {
  const pairs: Pair[] = [];
  for (let round = 0; round < Math.ceil(rounds / 2); round++) {
    await stand.pause();
    const plain = await during(stand.startPlain(), async ({ readyAfterS }) => readyAfterS);
    const oneapi = await during(stand.startOneapi(), async ({ readyAfterS }) => readyAfterS);
    pairs.push({ plain, oneapi });
  }
  return [{ figure: READY, pairs }];
}

/** One pair: the two have served the same when they are compared. */
export async function measureMemory(requests: number, stand: Stand): Promise<Measured[]> {
  await stand.pause();
  const plain = await during(stand.startPlain(), (envoy) => memoryOver(envoy, requests, stand));
  const oneapi = await during(stand.startOneapi(), (envoy) => memoryOver(envoy, requests, stand));
  return [
    { figure: memoryAfter(requests), pairs: [{ plain: plain.end, oneapi: oneapi.end }] },
    { figure: GROWTH, pairs: [{ plain: plain.end - plain.half, oneapi: oneapi.end - oneapi.half }] },
  ];
}

/** Resident memory (MiB) after half of the requests and after all. */
async function memoryOver(envoy: StartedEnvoy, requests: number, stand: Stand): Promise<{ half: number; end: number }> {
  const serve = async () => {
    const traffic = { model: "chat", key: "unlimited" as const, stream: false, bytes: 1_000, connections: 8 };
    await stand.load.run(envoy, { ...traffic, requests: requests / 2, seconds: 3_600 });
    return memoryOf(envoy.pid);
  };
  return { half: await serve(), end: await serve() };
}

async function during<Value>(started: Promise<StartedEnvoy>, work: (envoy: StartedEnvoy) => Promise<Value>) {
  const envoy = await started;
  try {
    return await work(envoy);
  } finally {
    await envoy.stop();
  }
}
