/** `npm run catalog`: writes capabilities.json and prices.json anew, from the pinned public data and overlay.json. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchPublicData } from "./public-data.ts";
import { capabilityTable, overlaySchema, priceTable, tableText } from "./tables.ts";

const file = (name: string) => join(import.meta.dirname, name);
const overlay = overlaySchema.parse(JSON.parse(readFileSync(file("overlay.json"), "utf8")));
const data = await fetchPublicData();
for (const [name, table] of [
  ["capabilities.json", capabilityTable(data, overlay)],
  ["prices.json", priceTable(data, overlay)],
] as const) {
  writeFileSync(file(name), tableText(table));
  console.log(`${name}: ${table.rows.length} rows from ${data.source} and overlay.json`);
}
