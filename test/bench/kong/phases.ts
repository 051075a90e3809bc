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
export async function measureKongPhase({ pace, traffic, figures }: KongPhase, rounds: number, stand: KongStand) {
  await stand.upstream.go(pace);
  await slicePair({ ...traffic, requests: traffic.stream ? traffic.requests * 2 : WARM_REQUESTS }, stand);
  const slices: { floor: KongSlice; relay: KongSlice }[] = [];
  for (let round = 0; round < rounds; round++) slices.push(await slicePair(traffic, stand));
  return figures.map(({ of, ...figure }): Measured => {
    return { figure, pairs: slices.map(({ floor, relay }) => ({ plain: of(floor), oneapi: of(relay) })) };
  });
}

async function slicePair(traffic: Traffic, stand: KongStand): Promise<{ floor: KongSlice; relay: KongSlice }> {
  const { load, plugin, relay } = stand;
  const wanted = traffic.requests + warmUpOf(traffic);
  const before = cpuMs([relay.pid]);
  const tickets = await plugin.tickets(wanted, authorization(traffic.key));
  const accessUs = ((cpuMs([relay.pid]) - before) * 1_000) / wanted;
  await stand.pause();
  const ofFloor = await load.run(stand.floor, traffic);
  const ofRelay = await load.run(relay, traffic, tickets);
  return { floor: { ...ofFloor, accessUs: 0 }, relay: { ...ofRelay, accessUs } };
}
