import { EVERY_CHOICE } from "../openai/chosen-tools.ts";
import { Dialect } from "../openai/dialect.ts";

/** Where Zhipu's endpoints are, and how they take the credential. Its requests, tools too, are written in its own words. */
export const DIALECT: Dialect = new Dialect("zhipu", "authorization", "/api/paas/v4", false, false, EVERY_CHOICE);
