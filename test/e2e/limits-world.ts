/** One fake provider, models with prices, and a project for each kind of limit. */
import { setTimeout as sleep } from "node:timers/promises";
import { startUpstream, type Upstream } from "../upstream/server.ts";
import { type Gateway, type GatewayOptions, startGateway } from "./gateway.ts";
import type { Incoming } from "./http.ts";
import { send } from "./http.ts";

export interface LimitsWorld {
  upstream: Upstream;
  gateway: Gateway;
  stop(): Promise<void>;
}

/** The secret of the one key of a project. */
export function keyOf(project: string): string {
  return `sk-e2e-limits-${project}-00000000`;
}

/** Settings of projects by their name; each has the model `m`, whose output costs 1 USD per million tokens. */
export async function startLimitsWorld(
  projects: Record<string, object>,
  options: Omit<GatewayOptions, "config"> & { models?: object; provider?: object } = {},
): Promise<LimitsWorld> {
  const { models = {}, provider = {}, ...rest } = options;
  const upstream = await startUpstream({ keys: ["provider-secret"] });
  const base = { name: "p", kind: "openai", base_url: `${upstream.url}/v1`, credentials: ["provider-secret"] };
  const config = {
    version: 1,
    providers: [{ ...base, ...provider }],
    models: [
      { name: "m", targets: [{ provider: "p", model: "gpt-4.1-mini" }], price: { input: 0, output: 1 }, ...models },
    ],
    projects: Object.entries(projects).map(([name, { keys, ...settings }]: [string, { keys?: object }]) => ({
      name,
      ...settings,
      keys: [{ name: "only", secret: keyOf(name), ...keys }],
    })),
  };
  const gateway = await startGateway({ config, ...rest }).catch(async (problem: unknown) => {
    await upstream.stop();
    throw problem;
  });
  return {
    upstream,
    gateway,
    stop: async () => {
      await gateway.stop().finally(() => upstream.stop());
    },
  };
}

/** Waits, if need be, until so much of the present minute is left. */
export async function leaveInMinute(ms: number): Promise<void> {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < ms) await sleep(left + 50);
}

/** So many chats at once, spread over the gateways in turn. */
export async function flood(
  { gateway }: LimitsWorld,
  project: string,
  count: number,
  body: object = {},
  key = keyOf(project),
): Promise<Incoming[]> {
  const chat = { model: "m", messages: [{ role: "user", content: "hi" }], ...body };
  const calls = Array.from({ length: count }, (_, index) =>
    send(`${gateway.baseUrls[index % gateway.baseUrls.length]}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: chat,
    }),
  );
  return await Promise.all(calls);
}

/** How many answers have each status. */
export function tally(answers: Incoming[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
