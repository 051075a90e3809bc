/** `npm run schema --workspace @oneapi/contract`: writes oneapi.schema.json anew. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { configJsonSchemaText } from "./json-schema.ts";

writeFileSync(join(import.meta.dirname, "oneapi.schema.json"), configJsonSchemaText());
