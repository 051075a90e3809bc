/** All that the official SDKs are put through, with every kind of provider. */
import { CHAT_SCENARIOS } from "./chat-scenarios.ts";
import { ENDPOINT_SCENARIOS } from "./endpoint-scenarios.ts";
import { ERROR_SCENARIOS } from "./error-scenarios.ts";
import type { Scenario } from "./scenario.ts";
import { TOOL_SCENARIOS } from "./tool-scenarios.ts";

export const SCENARIOS: Scenario[] = [...CHAT_SCENARIOS, ...TOOL_SCENARIOS, ...ERROR_SCENARIOS, ...ENDPOINT_SCENARIOS];
