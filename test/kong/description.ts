/** What the plugin server's query command tells, and what Kong makes of a plugin's configuration by it. */
import type { PluginSettings } from "./declared.ts";

interface Field {
  type: string;
  default?: unknown;
  referenceable?: boolean;
  values?: Field;
}

export interface Description {
  Name: string;
  Phases: string[];
  Schema: { fields: [{ config: { fields: Record<string, Field>[] } }] };
}

/** As an instance gets it: with defaults, without nulls, and with what Kong's vault has. Throws for a field that is not in the schema. */
export function configOf({ Schema }: Description, { name, config = {} }: PluginSettings): Record<string, unknown> {
  const fields: Record<string, Field> = Object.assign({}, ...Schema.fields[0].config.fields);
  const unknown = Object.keys(config).find((field) => fields[field] === undefined);
  if (unknown !== undefined) throw new Error(`${name}: ${unknown}: unknown field`);
  const values = Object.entries(fields).map(([key, field]) => [key, resolve(field, config[key] ?? field.default)]);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function resolve({ referenceable, values }: Field, value: unknown): unknown {
  if (values !== undefined && typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolve(values, one)]));
  }
  const reference = referenceable === true ? /^\{vault:\/\/env\/(.+)\}$/.exec(String(value)) : null;
  // What cannot be resolved is an empty text: https://github.com/Kong/kong/blob/3.9.1/kong/db/schema/init.lua
  return reference === null ? value : (process.env[(reference[1] ?? "").toUpperCase().replaceAll("-", "_")] ?? "");
}
