import { readFileSync } from "node:fs";
import { join } from "node:path";

const path = join(import.meta.dirname, "../build/oneapi.wasm");

/** The very module that Envoy loads; the project's global setup has built it. */
export function loadModule(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(path));
}
