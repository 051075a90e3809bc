/** The systemd unit: flags that the program takes, and places and times that suit it. */
import { dirname } from "node:path";
import { expect, it } from "vitest";
import { SETTLE_MS } from "../../kong-plugin/src/run.ts";
import { kongConf, optionsOf, read, relayPort } from "./testing.ts";

const unit = Object.fromEntries(
  [...read("deploy/kong/oneapi-kong.service").matchAll(/^(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [
    name,
    value,
  ]),
);
const [program, ...args] = unit.ExecStart?.split(" ") ?? [];
const options = optionsOf(args);

it("starts what Kong's query command names", () => {
  expect(kongConf().pluginserver_oneapi_query_cmd).toBe(`${program} --dump`);
});

it("opens what Kong is told of, in folders that systemd makes", () => {
  expect(options.relayPort).toBe(relayPort());
  expect(options.socket).toBe(kongConf().pluginserver_oneapi_socket);
  expect(dirname(options.socket)).toBe(`/run/${unit.RuntimeDirectory}`);
  expect(options.spoolDir).toBe(`/var/lib/${unit.StateDirectory}`);
});

it("has the token from systemd", () => {
  const [name] = unit.LoadCredential?.split(":") ?? [];
  expect(options.tokenFile).toBe(`\${CREDENTIALS_DIRECTORY}/${name}`);
});

it("is given the time to end that it takes", () => {
  expect(Number(unit.TimeoutStopSec) * 1000).toBeGreaterThan(options.drainMs + SETTLE_MS);
});
