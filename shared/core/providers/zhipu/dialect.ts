import { Dialect } from "../openai/dialect.ts";

/** Where Zhipu's endpoints are, and how they take the credential. */
export const DIALECT: Dialect = new Dialect("zhipu", "authorization", "/api/paas/v4", false, false);
