import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkConfig } from "./config-check.ts";
import { configJsonSchemaText } from "./json-schema.ts";
import { providerKinds } from "./provider-kind.ts";

const whole = () => ({
  version: 1,
  providers: [
    {
      name: "claude",
      kind: "anthropic",
      base_url: "https://api.anthropic.com",
      credentials: ["${env:ANTHROPIC_API_KEY}"],
      limits: [{ metric: "concurrency", amount: 200 }],
      timeouts: { connect: "2s", first_token: "20s", idle: "60s", total: "10m" },
      options: { anthropic_version: "2023-06-01" },
    },
    {
      name: "backup",
      kind: "azure",
      base_url: "https://eu.openai.azure.com",
      credentials: ["${file:/run/secrets/azure}"],
      options: { api_version: "2024-10-21", deployments: { "gpt-4o": "eu-gpt4o" }, include_usage: false },
    },
  ],
  models: [
    {
      name: "claude-sonnet",
      targets: [
        { provider: "claude", model: "claude-sonnet-4-6", priority: 0, weight: 3 },
        { provider: "backup", model: "gpt-5.4-mini", priority: 1 },
      ],
      retries: 2,
      price: { input: 3.0, cached_input: 0.3, cache_write: 3.75, output: 15.0 },
      unsupported: "drop",
    },
  ],
  projects: [
    {
      name: "search",
      models: ["claude-sonnet", "claude-*"],
      limits: [
        { metric: "requests", window: "minute", amount: 600 },
        { metric: "tokens", window: "minute", amount: 200000 },
        { metric: "spend", window: "month", amount: 500.0 },
        { metric: "spend", window: "none", amount: "0.000000001" },
        { metric: "concurrency", amount: 20 },
      ],
      accounting: "leased",
      on_control_loss: "fail_closed",
      keys: [
        {
          name: "ci",
          secret: "${env:CI_KEY}",
          expires: "2027-01-31",
          models: ["claude-sonnet"],
          allowed_ips: ["10.0.0.0/8", "::1"],
          limits: [],
        },
      ],
    },
  ],
  users: [{ name: "ada", email: "ada@example.com", role: "member", projects: ["search"], limits: [], keys: [] }],
});

/** The mistakes of the whole example after a change to it, as "path: message". */
// biome-ignore lint/suspicious/noExplicitAny: the changes make it wrong on purpose
function mistakesAfter(change: (config: any) => void): string[] {
  const config = whole();
  change(config);
  return checkConfig(config).mistakes.map(({ path, message }) => `${path}: ${message}`);
}

describe("checkConfig", () => {
  it("takes everything that oneapi.yaml can say, and puts it in its normal form", () => {
    const { config, mistakes, warnings } = checkConfig(whole());
    expect(mistakes).toEqual([]);
    expect(warnings).toEqual([]);
    expect(config?.providers[0]?.timeouts).toEqual({ connect: "2s", first_token: "20s", idle: "1m", total: "10m" });
    expect(config?.models[0]?.price).toEqual({ input: "3", cached_input: "0.3", cache_write: "3.75", output: "15" });
    expect(config?.models[0]?.targets[1]).toEqual({
      provider: "backup",
      model: "gpt-5.4-mini",
      priority: 1,
      weight: 1,
    });
    expect(config?.projects[0]?.limits[3]).toEqual({ metric: "spend", window: "none", amount: "0.000000001" });
    expect(config?.projects[0]?.keys[0]).toMatchObject({
      expires: "2027-01-31T00:00:00.000Z",
      allowed_ips: ["10.0.0.0/8", "::1/128"],
    });
  });

  it("fills in what is left out", () => {
    const { config } = checkConfig({
      version: 1,
      providers: [{ name: "p", kind: "vllm", base_url: "http://127.0.0.1:8000/v1" }],
      models: [{ name: "m", targets: [{ provider: "p", model: "m" }] }],
      projects: [{ name: "all" }],
      users: [{ name: "ada" }],
    });
    expect(config).toEqual({
      version: 1,
      providers: [
        {
          name: "p",
          kind: "vllm",
          base_url: "http://127.0.0.1:8000/v1",
          credentials: [],
          limits: [],
          timeouts: { connect: "2s", first_token: "1m", idle: "1m", total: "10m" },
          options: {},
        },
      ],
      models: [
        {
          name: "m",
          targets: [{ provider: "p", model: "m", priority: 0, weight: 1 }],
          retries: 2,
          unsupported: "drop",
          limits: [],
        },
      ],
      projects: [
        {
          name: "all",
          models: ["*"],
          limits: [],
          prices: [],
          accounting: "leased",
          on_control_loss: "fail_closed",
          unpriced: "reject",
          admission_wait: "400ms",
          keys: [],
        },
      ],
      users: [{ name: "ada", role: "member", projects: [], limits: [], keys: [] }],
    });
    expect(checkConfig(config).config).toEqual(config);
  });

  it("reports every mistake at once, those of fields and those between them", () => {
    const mistakes = mistakesAfter((config) => {
      config.providers[0].kind = "antropic";
      config.providers[0].timeouts.idle = "soon";
      config.providers[1].base_url = "ftp://example.com";
      config.providers[1].colour = "blue";
      config.models[0].targets[1].provider = "bakcup";
      config.models[0].price.input = -1;
      config.projects[0].limits[0].window = "fortnight";
      config.users[0].projects = ["serach"];
      config.users.push(structuredClone(config.users[0]));
    });
    expect(mistakes).toEqual([
      `providers[0].kind: must be one of ${providerKinds.join(", ")}`,
      "providers[0].timeouts.idle: must be a duration like 500ms, 2s or 10m",
      "providers[1].base_url: must be an http or https URL",
      "providers[1].colour: is not a known field",
      "models[0].price.input: must be an amount of USD, 0 or more, with at most 9 decimals",
      "projects[0].limits[0].window: must be one of second, minute, hour, day, month",
      "users[1].name: is already the name of users[0]",
      'models[0].targets[1].provider: there is no provider "bakcup"',
      'users[0].projects[0]: there is no project "serach"',
      'users[1].projects[0]: there is no project "serach"',
    ]);
  });

  it.each([
    ["an unknown section", (c) => (c.limits = []), "limits: is not a known field"],
    ["no version", (c) => delete c.version, "version: must be 1"],
    ["another version", (c) => (c.version = 2), "version: must be 1"],
    ["a section that is no list", (c) => (c.models = {}), "models: must be a list of models"],
    ["a missing field", (c) => delete c.providers[0].base_url, /^providers\[0\]\.base_url: must be a URL/],
    ["a name with a slash", (c) => (c.users[0].name = "a/b"), /^users\[0\]\.name: must be 1 to 63 letters/],
    ["an entry that is no map", (c) => (c.users[0] = "ada"), "users[0]: must be a user"],
    ["a wrong priority", (c) => (c.models[0].targets[0].priority = 1.5), /^models\[0\]\.targets\[0\]\.priority: /],
    ["no target", (c) => (c.models[0].targets = []), "models[0].targets: must have at least one target"],
    [
      "33 targets",
      (c) => (c.models[0].targets = Array(33).fill(c.models[0].targets[0])),
      "models[0].targets: must have at most 32 targets",
    ],
    [
      "an option of another kind",
      (c) => (c.providers[0].options.auth = "jwt"),
      "providers[0].options.auth: is not an option of the kind anthropic",
    ],
    ["an unknown option", (c) => (c.providers[0].options.x = 1), "providers[0].options.x: is not a known field"],
    [
      "a limit of nothing",
      (c) => (c.projects[0].limits = [{ metric: "joy", amount: 1 }]),
      /limits\[0\]\.metric: must be/,
    ],
    [
      "a window of concurrency",
      (c) => (c.providers[0].limits[0].window = "day"),
      "providers[0].limits[0].window: is not a known field",
    ],
    [
      "a balance of requests",
      (c) => (c.projects[0].limits[0].window = "none"),
      "projects[0].limits[0].window: must be one of second, minute, hour, day, month",
    ],
    [
      "the same limit twice",
      (c) => c.projects[0].limits.push({ metric: "requests", window: "minute", amount: 1 }),
      "projects[0].limits[5]: limits requests per minute a second time",
    ],
    [
      "half a token",
      (c) => (c.projects[0].limits[1].amount = 0.5),
      /^projects\[0\]\.limits\[1\]\.amount: must be a whole/,
    ],
    ["no models", (c) => (c.projects[0].models = []), /^projects\[0\]\.models: must name at least one model/],
    ["a short key", (c) => (c.projects[0].keys[0].secret = "short"), /keys\[0\]\.secret: must be 20 to 200 printable/],
    [
      "half a reference",
      (c) => (c.providers[0].credentials[0] = "Bearer ${env:X}"),
      "providers[0].credentials[0]: must be the whole of one reference like ${env:NAME} or ${file:PATH}",
    ],
    [
      "a reference to no variable",
      (c) => (c.providers[0].credentials[0] = "${env:a b}"),
      "providers[0].credentials[0]: must name an environment variable",
    ],
    ["a day that is none", (c) => (c.projects[0].keys[0].expires = "2027-02-30"), /keys\[0\]\.expires: must be a date/],
    [
      "bits beyond the prefix",
      (c) => (c.projects[0].keys[0].allowed_ips[0] = "10.0.0.1/8"),
      "projects[0].keys[0].allowed_ips[0]: has bits set beyond its prefix of 8",
    ],
    [
      "a secret twice",
      (c) => c.projects[0].keys.push({ name: "other", secret: "${env:CI_KEY}" }),
      "projects[0].keys[1].secret: is the same as projects[0].keys[0].secret",
    ],
    [
      "a user's key without a project to go to",
      (c) => {
        c.users[0].projects = [];
        c.users[0].keys = [{ name: "k", secret: "${env:K}" }];
      },
      "users[0].keys[0].project: is required: the user is in 0 projects",
    ],
    [
      "a user's key in another project",
      (c) => (c.users[0].keys = [{ name: "k", secret: "${env:K}", project: "ads" }]),
      "users[0].keys[0].project: is not one of the user's projects",
    ],
    // biome-ignore lint/suspicious/noExplicitAny: the changes make it wrong on purpose
  ] as [string, (config: any) => unknown, string | RegExp][])("refuses %s", (_, change, expected) => {
    const mistakes = mistakesAfter(change);
    expect(mistakes).toHaveLength(1);
    if (typeof expected === "string") expect(mistakes[0]).toBe(expected);
    else expect(mistakes[0]).toMatch(expected);
  });

  it.each([null, undefined, "text", 7, [], [[]]])("refuses %j as a whole", (document) => {
    const { config, mistakes } = checkConfig(document);
    expect(config).toBeNull();
    expect(mistakes[0]).toEqual({ path: "", message: expect.stringContaining("must be a map") });
  });

  it("never shows a secret in a mistake", () => {
    const secret = "sk-very secret ${x";
    const { mistakes } = checkConfig({
      version: 1,
      providers: [
        { name: "p", kind: "openai", base_url: `https://u:${secret}@x`, credentials: [secret, `${secret}2`] },
      ],
      projects: [{ name: "a", keys: [{ name: "k", secret }] }],
    });
    expect(mistakes.length).toBeGreaterThan(3);
    expect(JSON.stringify(mistakes)).not.toContain("very");
  });

  it("warns of patterns that match nothing and of missing credentials", () => {
    const config = whole();
    config.providers[0] = { ...(config.providers[0] as object), credentials: [] } as never;
    config.projects[0]?.models.push("gpt-*");
    expect(checkConfig(config).warnings).toEqual([
      { path: "providers[0].credentials", message: "is empty: providers of the kind anthropic want one" },
      { path: "projects[0].models[2]", message: 'matches no model: "gpt-*"' },
    ]);
  });
});

describe("oneapi.schema.json", () => {
  it("is what the schemas say (npm run schema --workspace @oneapi/contract)", () => {
    const text = readFileSync(join(import.meta.dirname, "oneapi.schema.json"), "utf8");
    expect(text).toBe(configJsonSchemaText());
  });
});
