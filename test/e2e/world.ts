/** The small world that most cases play in: three fake providers, the models over them, some keys, one gateway. */
import { type AddressInfo, createServer } from "node:net";
import { startUpstream, type Upstream } from "../upstream/server.ts";
import { type Gateway, startGateway } from "./gateway.ts";

/** Keys brought by the configuration: at least 20 printable characters. */
export const KEYS = {
  main: "sk-e2e-main-000000000000",
  narrow: "sk-e2e-narrow-00000000000",
  expired: "sk-e2e-expired-0000000000",
  elsewhere: "sk-e2e-elsewhere-00000000",
} as const;

/** What the gateway shows the providers; nothing of it may ever reach a client. */
export const CREDENTIALS = {
  primary: "provider-secret-primary",
  secondary: "provider-secret-secondary",
  claude: "provider-secret-claude",
} as const;

export type ProviderName = keyof typeof CREDENTIALS;

export interface World {
  primary: Upstream;
  secondary: Upstream;
  claude: Upstream;
  gateway: Gateway;
  config: Config;
  /** Forgets scripts and logs of all providers. */
  reset(): void;
  stop(): Promise<void>;
}

export interface Config {
  version: 1;
  providers: Record<string, unknown>[];
  models: Record<string, unknown>[];
  projects: Record<string, unknown>[];
}

export interface WorldOptions {
  workers?: number;
  /** Waits of the providers; what a test does not name stays at these. */
  timeouts?: Partial<typeof TIMEOUTS>;
}

const TIMEOUTS = { connect: "1s", first_token: "20s", idle: "20s", total: "2m" };

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const primary = await startUpstream({ keys: [CREDENTIALS.primary] });
  const secondary = await startUpstream({ keys: [CREDENTIALS.secondary] });
  const claude = await startUpstream({ keys: [CREDENTIALS.claude] });
  const providers = { primary, secondary, claude };
  const config = await worldConfig(providers, { ...TIMEOUTS, ...options.timeouts });
  const stopProviders = () => Promise.all(Object.values(providers).map((upstream) => upstream.stop()));
  const gateway = await startGateway({ config, workers: options.workers ?? 1 }).catch(async (problem: unknown) => {
    await stopProviders();
    throw problem;
  });
  return {
    ...providers,
    gateway,
    config,
    reset: () => {
      for (const upstream of Object.values(providers)) {
        upstream.clearScript();
        upstream.clearLog();
      }
    },
    stop: async () => {
      // The gateway first: it must not take the providers' end for a fault.
      await gateway.stop().finally(stopProviders);
    },
  };
}

async function worldConfig(providers: Record<ProviderName, Upstream>, timeouts: object): Promise<Config> {
  const openaiLike = (name: "primary" | "secondary") => ({
    name,
    kind: "openai",
    base_url: `${providers[name].url}/v1`,
    credentials: [CREDENTIALS[name]],
    timeouts,
  });
  const target = (provider: string, model: string, priority = 0) => ({ provider, model, priority });
  const first = (provider: string, second: string) => [
    target(provider, modelAt(provider)),
    target(second, modelAt(second), 1),
  ];
  const modelAt = (provider: string) => (provider === "claude" ? "claude-sonnet-4-5" : "gpt-4.1-mini");
  return {
    version: 1,
    providers: [
      openaiLike("primary"),
      openaiLike("secondary"),
      {
        name: "claude",
        kind: "anthropic",
        base_url: providers.claude.url,
        credentials: [CREDENTIALS.claude],
        timeouts,
      },
      // The second provider once more, for streams that run as long as the tests.
      { ...openaiLike("secondary"), name: "patient", timeouts: { ...TIMEOUTS, total: "24h" } },
      {
        name: "refusing",
        kind: "openai",
        base_url: `http://127.0.0.1:${await closedPort()}/v1`,
        credentials: ["x"],
        timeouts,
      },
    ],
    models: [
      { name: "solo", targets: [target("primary", "gpt-4.1-mini")], retries: 0 },
      { name: "claude", targets: [target("claude", "claude-sonnet-4-5")], retries: 0 },
      { name: "claude-new", targets: [target("claude", "claude-opus-5-5")], retries: 0 },
      { name: "pair", targets: first("primary", "secondary") },
      { name: "claude-pair", targets: first("claude", "secondary") },
      { name: "to-claude", targets: first("primary", "claude") },
      { name: "refusing-pair", targets: first("refusing", "secondary") },
      { name: "refusing", targets: [target("refusing", "gpt-4.1-mini")], retries: 0 },
      { name: "sentinel", targets: [target("patient", "sentinel")], retries: 0 },
      { name: "embedding", targets: [target("primary", "text-embedding-3-small")], retries: 0 },
      { name: "image", targets: [target("primary", "gpt-image-1")], retries: 0 },
    ],
    projects: [
      {
        name: "main",
        models: ["*"],
        keys: [
          { name: "main", secret: KEYS.main },
          { name: "narrow", secret: KEYS.narrow, models: ["solo"] },
          { name: "expired", secret: KEYS.expired, expires: "2020-01-31" },
          { name: "elsewhere", secret: KEYS.elsewhere, allowed_ips: ["203.0.113.0/24"] },
        ],
      },
    ],
  };
}

/** A port where nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

/** A chat request of one user turn. */
export function chat(model: string, content: string, more: object = {}): Record<string, unknown> {
  return { model, messages: [{ role: "user", content }], ...more };
}
