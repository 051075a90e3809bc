/** What the relay is measured with, each kind of load through the floor and then through the relay. */
import { authorization } from "../envoys.ts";
import type { Figure, Measured } from "../figure.ts";
import { type Slice, type Traffic, warmUpOf } from "../load.ts";
import { cpuMs } from "../pauses.ts";
import type { Pace } from "../upstream.ts";
import type { KongStand } from "./stand.ts";

type KongPhase = {
  name: string;
  pace: Pace;
  traffic: Traffic;
  /** What goes through the relay in the place of the floor's slice, to be compared with. */
  base?: Traffic;
  figures: (Figure & { of: (slice: KongSlice) => number })[];
};

/** `accessUs`: what the plugin's part cost the process for each request; the floor has none. */
type KongSlice = Slice & { accessUs: number };

/** V8 compiles on for thousands of requests. */
const WARM_REQUESTS = 8_000;

const CHAT: Traffic = {
  ...{ model: "chat", key: "unlimited", stream: false, bytes: 1_000 },
  ...{ connections: 8, requests: 2_000, seconds: 60 },
};
const STREAM: Traffic = { ...CHAT, stream: true, connections: 32, requests: 192 };
const ratio = { unit: "µs", compare: "ratio", checked: true } as const;

export const KONG_PHASES: KongPhase[] = [
  {
    name: "chat",
    pace: { events: 50, gapUs: 4_000 },
    traffic: CHAT,
    figures: [
      {
        ...{ ...ratio, what: "Relay, chat of 1 KB, 8 connections: CPU per request", goal: 2, limit: 3 },
        of: ({ cpu_us, requests }) => cpu_us / requests,
      },
      {
        ...{ ...ratio, what: "the same and the plugin's access phase: CPU per request", goal: 2, limit: 3 },
        checked: false,
        of: ({ cpu_us, requests, accessUs }) => cpu_us / requests + accessUs,
      },
    ],
  },
  {
    name: "limits",
    pace: { events: 50, gapUs: 4_000 },
    traffic: { ...CHAT, key: "limited" },
    base: CHAT,
    figures: [
      {
        ...{
          ...ratio,
          what: "Relay, chat under five limits, to the relay without: CPU per request",
          goal: 1.1,
          limit: 1.2,
        },
        of: ({ cpu_us, requests }) => cpu_us / requests,
      },
    ],
  },
  {
    name: "stream",
    pace: { events: 50, gapUs: 4_000 },
    traffic: STREAM,
    figures: [
      {
        ...{ ...ratio, what: "Relay, paced stream, 32 connections: CPU per event", goal: 1.4, limit: 1.8 },
        of: ({ cpu_us, events }) => cpu_us / events,
      },
    ],
  },
  {
    name: "first event",
    pace: { events: 4, gapUs: 1_000 },
    traffic: { ...STREAM, connections: 1, requests: 100 },
    figures: [
      {
        ...{ ...ratio, what: "Relay, stream, 1 connection: first event, p50", goal: 1.5, limit: 2 },
        checked: false,
        of: ({ first_event_us }) => first_event_us.p50,
      },
    ],
  },
];

/** `rounds` pairs of slices, after as many requests through both as their code needs to become warm. */
export async function measureKongPhase(phase: KongPhase, rounds: number, stand: KongStand): Promise<Measured[]> {
  const { pace, traffic, base } = phase;
  await stand.upstream.go(pace);
  const requests = traffic.stream ? traffic.requests * 2 : WARM_REQUESTS;
  const warm = { ...phase, traffic: { ...traffic, requests } };
  await slicePair(base === undefined ? warm : { ...warm, base: { ...base, requests } }, stand);
  const slices: { plain: KongSlice; oneapi: KongSlice }[] = [];
  for (let round = 0; round < rounds; round++) slices.push(await slicePair(phase, stand));
  return phase.figures.map(({ of, ...figure }) => {
    return { figure, pairs: slices.map(({ plain, oneapi }) => ({ plain: of(plain), oneapi: of(oneapi) })) };
  });
}

async function slicePair(
  { traffic, base }: KongPhase,
  stand: KongStand,
): Promise<{ plain: KongSlice; oneapi: KongSlice }> {
  if (base !== undefined) return { plain: await throughRelay(base, stand), oneapi: await throughRelay(traffic, stand) };
  const ticketed = await askTickets(traffic, stand);
  const plain = { ...(await stand.load.run(stand.floor, traffic)), accessUs: 0 };
  return { plain, oneapi: await ticketed() };
}

async function throughRelay(traffic: Traffic, stand: KongStand): Promise<KongSlice> {
  const run = await askTickets(traffic, stand);
  return await run();
}

/** Asks the plugin for what the slice needs, and answers the slice. */
async function askTickets(
  traffic: Traffic,
  { load, plugin, relay, pause }: KongStand,
): Promise<() => Promise<KongSlice>> {
  const wanted = traffic.requests + warmUpOf(traffic);
  const before = cpuMs([relay.pid]);
  const tickets = await plugin.tickets(wanted, authorization(traffic.key));
  const accessUs = ((cpuMs([relay.pid]) - before) * 1_000) / wanted;
  await pause();
  return async () => ({ ...(await load.run(relay, traffic, tickets)), accessUs });
}
