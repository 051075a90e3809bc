/** What `oneapi-kong --dump` tells Kong of the plugin, held against the rules that Kong has for it. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { readConfig } from "../src/plugin/schema.ts";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const PROGRAM = `${PACKAGE}bin/oneapi-kong.js`;

interface Field {
  type: string;
  description?: string;
  fields?: Record<string, Field>[];
  elements?: Field;
  keys?: Field;
  values?: Field;
  default?: unknown;
  [attribute: string]: unknown;
}

/** Kong has nothing but this from the command: it reads all of it, as JSON, until it ends. */
function dump() {
  // With leave to read these files and no more, to write none, and to start nothing.
  const readable = ["bin/", "src/main.ts", "src/plugin/", "package.json"].map(
    (path) => `--allow-fs-read=${PACKAGE}${path}`,
  );
  return spawnSync(process.execPath, ["--permission", ...readable, PROGRAM, "--dump"], { encoding: "utf8", env: {} });
}

const printed = dump();
const [plugin] = JSON.parse(printed.stdout) as [
  { Schema: { fields: [{ config: Field & { fields: Record<string, Field>[] } }] } },
];
const { config } = plugin.Schema.fields[0];

/** Kong's MetaSchema: what a field of each type must have, and what is for some types only. @see https://github.com/Kong/kong/blob/3.9.1/kong/db/schema/metaschema.lua */
const REQUIRED: Record<string, string[]> = {
  ...{ string: [], boolean: [], integer: [], number: [] },
  ...{ array: ["elements"], set: ["elements"], map: ["keys", "values"], record: ["fields"] },
};
const ALLOWED: Record<string, string[]> = {
  string: ["one_of", "match", "len_min", "len_max", "referenceable", "encrypted"],
  number: ["between", "gt", "one_of"],
  integer: ["between", "gt", "one_of"],
  boolean: [],
  array: ["len_min", "len_max"],
  set: ["len_min", "len_max"],
  map: ["len_min", "len_max"],
  record: ["entity_checks"],
};
const ALLOWED_ALL = ["type", "required", "default", "description"];

function check(name: string, field: Field): void {
  const { type } = field;
  const required = REQUIRED[type] ?? [];
  expect(Object.keys(REQUIRED), name).toContain(type);
  for (const attribute of required) expect(field[attribute], `${name}.${attribute}`).toBeTypeOf("object");
  const allowed = [...ALLOWED_ALL, ...required, ...(ALLOWED[type] ?? [])];
  for (const attribute of Object.keys(field)) expect(allowed, name).toContain(attribute);
  for (const part of ["elements", "keys", "values"] as const) {
    if (field[part] !== undefined) check(`${name}.${part}`, field[part]);
  }
  for (const inner of field.fields ?? []) {
    expect(Object.keys(inner)).toHaveLength(1);
    for (const [key, one] of Object.entries(inner)) {
      expect(key).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(one.description, key).toBeTypeOf("string");
      expect(one.description?.length, key).toBeGreaterThanOrEqual(10);
      expect(one.description?.length, key).toBeLessThanOrEqual(500);
      check(key, one);
    }
  }
}

it("is JSON and nothing else, and takes no more than the plugin's own files", () => {
  expect(printed.stderr).toBe("");
  expect(printed.status).toBe(0);
  expect(plugin).toEqual({
    Name: "oneapi",
    Version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    // ai-proxy's.
    Priority: 770,
    Phases: ["access"],
    Schema: { name: "oneapi", fields: [{ config: expect.any(Object) }] },
  });
});

it("has a schema that Kong takes", () => {
  expect(config.type).toBe("record");
  check("config", config);
});

it("lets keys be kept in a vault, and encrypts them", () => {
  const fields = Object.assign({}, ...config.fields) as Record<string, Field>;
  const secret = { type: "string", referenceable: true, encrypted: true };
  expect(fields.key).toMatchObject(secret);
  expect(fields.consumer_keys).toMatchObject({ type: "map", keys: { type: "string" }, values: secret });
  expect(config.entity_checks).toEqual([{ mutually_exclusive: ["key", "consumer_keys"] }]);
});

it("has the defaults that the plugin itself has", () => {
  const defaults = config.fields.flatMap((field) =>
    Object.entries(field).flatMap(([name, { default: value }]) => (value === undefined ? [] : [[name, value]])),
  );
  expect(defaults.length).toBeGreaterThan(0);
  expect(readConfig(Object.fromEntries(defaults))).toEqual(readConfig({}));
});

it("ends quietly when nobody reads it to its end", async () => {
  const child = spawn(process.execPath, [PROGRAM, "--dump"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  let said = "";
  child.stderr.on("data", (part: Buffer) => {
    said += part.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  expect([code, said]).toEqual([1, ""]);
});
