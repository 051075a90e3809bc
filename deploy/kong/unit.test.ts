/** The systemd unit: flags that the program takes, and places and times that suit it. */
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { SETTLE_MS } from "../../kong-plugin/src/run.ts";
import { checkout } from "../checkout.ts";
import { kongConf, optionsOf, read, relayPort } from "./testing.ts";

const path = "deploy/kong/oneapi-kong.service";
const { unit, program, options } = readUnit(read(path));

function readUnit(text: string) {
  const lines = [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]);
  const unit = Object.fromEntries(lines) as Record<string, string>;
  const [program, ...args] = unit.ExecStart?.split(" ") ?? [];
  return { unit, program, options: optionsOf(args) };
}

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

it("has a second one beside it, with places of its own, as docs/kong.md makes it", () => {
  const [, script = ""] =
    /sed '([^']+)' \\\n +\/etc\/systemd\/system\/oneapi-kong\.service/.exec(read("docs/kong.md")) ?? [];
  const second = readUnit(execFileSync("sed", [script, join(checkout, path)], { encoding: "utf8" }));
  const places = ({ socket, relayPort, statusPort, spoolDir }: typeof options) => [
    socket,
    relayPort,
    statusPort,
    spoolDir,
  ];
  for (const place of places(second.options)) expect(places(options)).not.toContain(place);
  expect(dirname(second.options.socket)).toBe(`/run/${second.unit.RuntimeDirectory}`);
  expect(second.options.spoolDir).toBe(`/var/lib/${second.unit.StateDirectory}`);
  expect(second.options.controlUrl).toBe(options.controlUrl);
});
