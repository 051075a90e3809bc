import type { Measured, Pair } from "./figure.ts";
import type { Slice } from "./load.ts";
import type { Phase } from "./phases.ts";
import type { Stand } from "./stand.ts";

type SlicePair = { plain: Slice; oneapi: Slice };

/**
 * Runs a phase: `rounds` pairs of slices. On a machine that others use too, a value by itself says little; the ratio of two
 * slices taken within a second or two holds.
 */
export async function measurePhase(phase: Phase, rounds: number, stand: Stand): Promise<Measured[]> {
  await stand.upstream.go(phase.pace);
  // Connections to the upstream are new, and V8 has not compiled for this kind of traffic yet.
  await slicePair(phase, stand);
  const slices: SlicePair[] = [];
  for (let round = 0; round < rounds; round++) slices.push(await slicePair(phase, stand));
  return phase.figures.map(({ of, ...figure }) => {
    const pairs: Pair[] = slices.map(({ plain, oneapi }) => ({ plain: of(plain), oneapi: of(oneapi) }));
    return { figure, pairs };
  });
}

async function slicePair({ traffic, base }: Phase, stand: Stand): Promise<SlicePair> {
  await stand.pause();
  const plain = await (base === undefined ? stand.load.run(stand.plain, traffic) : stand.load.run(stand.oneapi, base));
  const oneapi = await stand.load.run(stand.oneapi, traffic);
  return { plain, oneapi };
}
