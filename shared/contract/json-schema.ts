import { z } from "zod";
import { configSchema } from "./config.ts";

/** The JSON Schema of oneapi.yaml, for editors: what may be written, before defaults are filled in. */
export function configJsonSchema(): object {
  const schema = z.toJSONSchema(configSchema, { io: "input", target: "draft-2020-12" });
  return { ...schema, title: "oneapi.yaml" };
}

/** The text of oneapi.schema.json. */
export function configJsonSchemaText(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}
