/** The traffic that is measured, the figures it gives, and what they may be. */
import type { Figure } from "./figure.ts";
import type { Slice, Traffic } from "./load.ts";
import type { Pace } from "./upstream.ts";

/** Slices of one kind of traffic, each through plain Envoy and then through OneAPI. */
export type Phase = {
  name: string;
  /** Of the upstream's streams meanwhile. */
  pace: Pace;
  traffic: Traffic;
  /** What goes through OneAPI in the place of plain Envoy's slice, to be compared with. */
  base?: Traffic;
  figures: SliceFigure[];
};

export type SliceFigure = Figure & { of: (slice: Slice) => number };

/** As far apart as the events of a fast model. */
const PACED: Pace = { events: 50, gapUs: 4_000 };
/** Short streams, for many first events. */
const BRIEF: Pace = { events: 4, gapUs: 1_000 };

/** The time alone ends a slice. */
const requests = 100_000_000;
const CHAT: Traffic = {
  ...{ model: "chat", key: "unlimited", stream: false, bytes: 1_000 },
  ...{ connections: 8, requests, seconds: 0.5 },
};
const STREAM: Traffic = { ...CHAT, stream: true, connections: 32, seconds: 1.2 };

const cpuPerRequest = (slice: Slice) => slice.cpu_us / slice.requests;
const cpuPerEvent = (slice: Slice) => slice.cpu_us / slice.events;

/** Of a latency, in whose ratio everything on the way has a part: the machine's load too, so no check holds it. */
function latency(what: string, of: (slice: Slice) => number, goal: number, limit: number): SliceFigure {
  return { what, unit: "µs", compare: "ratio", goal, limit, checked: false, of };
}

/** Of Envoy's CPU time. */
function cpu(what: string, of: (slice: Slice) => number, goal: number, limit: number): SliceFigure {
  return { what, unit: "µs", compare: "ratio", goal, limit, checked: true, of };
}

export const PHASES: Phase[] = [
  {
    name: "chat",
    pace: PACED,
    traffic: CHAT,
    figures: [
      cpu("Chat of 1 KB, 8 connections: CPU per request", cpuPerRequest, 1.6, 2.0),
      latency("Chat of 1 KB, 8 connections: p99", ({ latency_us }) => latency_us.p99, 2, 3),
    ],
  },
  {
    name: "single",
    pace: PACED,
    traffic: { ...CHAT, connections: 1 },
    figures: [latency("Chat of 1 KB, 1 connection: p50", ({ latency_us }) => latency_us.p50, 1.3, 1.5)],
  },
  {
    name: "large",
    pace: PACED,
    traffic: { ...CHAT, bytes: 100_000 },
    figures: [{ ...cpu("Chat of 100 KB, 8 connections: CPU per request", cpuPerRequest, 1.6, 2.5), checked: false }],
  },
  {
    name: "stream",
    pace: PACED,
    traffic: STREAM,
    figures: [cpu("Paced stream, 32 connections: CPU per event", cpuPerEvent, 1.25, 1.4)],
  },
  {
    name: "first-event",
    pace: BRIEF,
    traffic: { ...STREAM, connections: 1, seconds: 0.5 },
    figures: [latency("Stream, 1 connection: first event, p50", ({ first_event_us }) => first_event_us.p50, 1.3, 1.6)],
  },
  {
    name: "limits",
    pace: PACED,
    traffic: { ...CHAT, key: "limited" },
    base: CHAT,
    figures: [cpu("Chat of 1 KB with five limits, to OneAPI without: CPU per request", cpuPerRequest, 1.1, 1.2)],
  },
  ...translated("anthropic", "claude", "Anthropic"),
  ...translated("gemini", "gemini", "Gemini"),
  ...translated("dashscope", "qwen", "DashScope"),
  ...translated("zhipu", "glm", "Zhipu"),
];

/** A provider whose wire format is another one. */
function translated(name: string, model: string, provider: string): Phase[] {
  return [
    {
      name,
      pace: PACED,
      traffic: { ...CHAT, model },
      figures: [cpu(`Chat of 1 KB with ${provider}: CPU per request`, cpuPerRequest, 2.2, 3.0)],
    },
    {
      name: `${name}-stream`,
      pace: PACED,
      traffic: { ...STREAM, model },
      figures: [cpu(`Paced stream with ${provider}: CPU per event`, cpuPerEvent, 1.5, 1.8)],
    },
  ];
}
