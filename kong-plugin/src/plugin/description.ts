import { entityChecks, schema } from "./schema.ts";

export const NAME = "oneapi";
const VERSION = "0.1.0";
/** ai-proxy's place: after authentication, access lists, rate limiting and the prompt plugins. */
const PRIORITY = 770;

/** What Kong asks with its query command (`oneapi-kong --dump`). */
export function description(): object[] {
  return [
    {
      Name: NAME,
      Version: VERSION,
      Phases: ["access"],
      Priority: PRIORITY,
      Schema: { name: NAME, fields: [{ config: { type: "record", fields: schema, entity_checks: entityChecks } }] },
    },
  ];
}
