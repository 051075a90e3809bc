/** One fake provider, models with prices, and a project for each kind of limit. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { startUpstream, type Upstream } from "../upstream/server.ts";
import { type Gateway, type GatewayOptions, startGateway } from "./gateway.ts";
import type { Incoming } from "./http.ts";
import { send } from "./http.ts";

export interface LimitsWorld {
  upstream: Upstream;
  gateway: Gateway;
  /** One for each control service; `gateway` is the first. */
  fleet: Gateway[];
  stop(): Promise<void>;
}

export interface LimitsOptions extends Omit<GatewayOptions, "config"> {
  models?: object;
  provider?: object;
  /** Each with gateways of its own; several need real stores. */
  controlServices?: number;
}

/** The secret of the one key of a project. */
export function keyOf(project: string): string {
  return `sk-e2e-limits-${project}-00000000`;
}

/** Settings of projects by their name; each has the model `m`, whose output costs 1 USD per million tokens. */
export async function startLimitsWorld(
  projects: Record<string, object>,
  options: LimitsOptions = {},
): Promise<LimitsWorld> {
  const { models = {}, provider = {}, controlServices = 1, ...rest } = options;
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
      // A machine that runs other tests beside these may take longer than the 400 ms to which gateways wait as a rule.
      admission_wait: "2s",
      ...settings,
      keys: [{ name: "only", secret: keyOf(name), ...keys }],
    })),
  };
  const fleet: Gateway[] = [];
  const stop = async () => {
    await Promise.all(fleet.map((gateway) => gateway.stop())).finally(() => upstream.stop());
  };
  const env = controlServices > 1 ? sharedSecrets() : {};
  try {
    while (fleet.length < controlServices) fleet.push(await startGateway({ config, env, ...rest }));
  } catch (problem) {
    await stop();
    throw problem;
  }
  return { upstream, gateway: fleet[0] as Gateway, fleet, stop };
}

/** What instances on one database must agree on. */
function sharedSecrets(): Record<string, string> {
  const names = ["ONEAPI_MASTER_KEY", "ONEAPI_ADMIN_TOKEN", "ONEAPI_GATEWAY_TOKEN"];
  return Object.fromEntries(names.map((name) => [name, randomBytes(32).toString("hex")]));
}

/** Waits, if need be, until so much of the present minute is left. */
export function leaveInMinute(ms: number): Promise<void> {
  return leaveIn(60_000, ms);
}

/** Waits, if need be, until so much of the present hour is left. */
export function leaveInHour(ms: number): Promise<void> {
  return leaveIn(3_600_000, ms);
}

async function leaveIn(windowMs: number, ms: number): Promise<void> {
  const left = windowMs - (Date.now() % windowMs);
  if (left < ms) await sleep(left + 50);
}

/** What {@link flood} sends. */
export const CHAT = { model: "m", messages: [{ role: "user", content: "hi" }] };

/** So many chats at once, spread over all gateways in turn. */
export async function flood(
  { fleet }: LimitsWorld,
  project: string,
  count: number,
  body: object = {},
  key = keyOf(project),
): Promise<Incoming[]> {
  const places = fleet.flatMap(({ baseUrls }) => baseUrls);
  const calls = Array.from({ length: count }, (_, index) =>
    send(`${places[index % places.length]}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: { ...CHAT, ...body },
    }),
  );
  return await Promise.all(calls);
}

/** What the gateways have reported of a limit; amounts of spend are USD. */
export async function stateOf({ gateway }: LimitsWorld, id: string): Promise<{ used: number; reserved: number }> {
  const path = `/limits/${encodeURIComponent(id)}`;
  const { used, reserved } = await gateway.adminJson<{ used: unknown; reserved: unknown }>("GET", path);
  return { used: Number(used), reserved: Number(reserved) };
}

/** How many answers have each status. */
export function tally(answers: Incoming[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
