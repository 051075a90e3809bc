import { capabilitiesOf } from "../contract/catalog/lookup.ts";
import { Capabilities } from "./capabilities.ts";
import { Json } from "./json.ts";
import { encodeUtf8 } from "./text.ts";

// For tests: no part of the core imports it.

/** What the shipped catalog says of a model, as the control service would tell it. */
export function capabilitiesFor(kind: Parameters<typeof capabilitiesOf>[0], model: string): Capabilities {
  const json = Json.parse(encodeUtf8(JSON.stringify(capabilitiesOf(kind, model) ?? {})));
  return json === null ? new Capabilities() : Capabilities.read(json);
}
