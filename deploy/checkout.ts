import { fileURLToPath } from "node:url";

/** Absolute path of the checkout. */
export const checkout = fileURLToPath(new URL("..", import.meta.url));
