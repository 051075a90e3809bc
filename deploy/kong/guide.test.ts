/** docs/kong.md: its commands make what the files make, and what it names is there. */
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { USAGE } from "../../kong-plugin/src/options.ts";
import { description } from "../../kong-plugin/src/plugin/description.ts";
import { trackedFiles } from "../../test/checks/tree.ts";
import { expectFile, kongService, read, readYaml } from "./testing.ts";

const guide = read("docs/kong.md");

/** What a curl line sets at a place of the Admin API. */
function settingsAt(place: string): Record<string, string> {
  const line = guide.split("\n").find((text) => text.startsWith("curl") && text.includes(`localhost:8001${place} -d `));
  const pairs = [...(line ?? "").matchAll(/ -d '?([\w.[\]]+)=([^' ]+)'?/g)];
  return Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, value]));
}

it("makes by the Admin API what kong.yml declares", () => {
  const { url, retries, connect_timeout, read_timeout, write_timeout } = kongService();
  const numbers = { retries, connect_timeout, read_timeout, write_timeout };
  const texts = Object.entries(numbers).map(([name, value]) => [name, `${value}`]);
  expect(settingsAt("/services/oneapi")).toEqual({ url, ...Object.fromEntries(texts) });
  type Declared = { services: { routes: { paths: string[]; strip_path: boolean }[]; plugins: { name: string }[] }[] };
  const [service] = readYaml<Declared>("deploy/kong/kong.yml").services;
  const [route] = service?.routes ?? [];
  expect(settingsAt("/services/oneapi/routes/oneapi")).toEqual({
    "paths[]": route?.paths.join(),
    strip_path: `${route?.strip_path}`,
  });
  expect(settingsAt("/services/oneapi/plugins").name).toBe(service?.plugins[0]?.name);
});

it("validates a configuration that the plugin's schema has", () => {
  const [, text = ""] = /schemas\/plugins\/validate .*\n +-d '(.*)'/.exec(guide) ?? [];
  const { name, config } = JSON.parse(text) as { name: string; config: object };
  const [plugin] = description() as [{ Name: string; Schema: { fields: [{ config: { fields: object[] } }] } }];
  expect(name).toBe(plugin.Name);
  const fields = plugin.Schema.fields[0].config.fields.flatMap((field) => Object.keys(field));
  for (const field of Object.keys(config)) expect(fields).toContain(field);
  for (const field of fields) expect(guide).toContain(`\`${field}\``);
});

it("leads to files that are there", () => {
  const links = [...guide.matchAll(/\]\(([^)#]+)\)/g)].map(([, target = ""]) => target);
  expect(links.length).toBeGreaterThan(5);
  for (const link of links.filter((target) => !target.startsWith("http")))
    expectFile(join(dirname("docs/kong.md"), link));
});

it("speaks of metrics, codes and flags that the programs have", () => {
  const sources = trackedFiles(/^(?:kong-plugin\/src|shared\/core)\/.*\.ts$/)
    .map(read)
    .join("\n");
  const named = (pattern: RegExp, spelling: (name: string) => string) =>
    [...guide.matchAll(pattern)].map(([, name = ""]) => spelling(name));
  const names = [
    ...named(/`(oneapi_\w+)/g, (metric) => metric),
    ...named(/(?:\d{3} |\()`((?!nginx_)[a-z]+_[a-z_]+)`/g, (code) => `"${code}"`),
  ];
  expect(names.length).toBeGreaterThan(15);
  expect(names.filter((name) => !sources.includes(name))).toEqual([]);
  const ours = [...guide.matchAll(/`(--[\w-]+)`/g)].map(([, flag]) => flag).filter((flag) => flag !== "--timeout");
  expect(ours.length).toBeGreaterThan(5);
  for (const flag of ours) expect(USAGE).toContain(`${flag} `);
});
