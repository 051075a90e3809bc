import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { read, trackedFiles } from "./tree.ts";

/** The parts, and the parts that each may import: dependencies point one way. */
const MAY_IMPORT: Record<string, string[]> = {
  "shared/core": [],
  "shared/contract": [],
  // The suite plays the control service too, and holds each message to the contract.
  "shared/vectors": ["shared/core", "shared/contract"],
  "envoy-wasm": ["shared/core"],
  "kong-plugin": ["shared/core", "shared/contract"],
  "control-service": ["shared/contract", "shared/core"],
};
const PACKAGES: Record<string, string> = {
  "@oneapi/core": "shared/core",
  "@oneapi/contract": "shared/contract",
  "@oneapi/envoy-wasm": "envoy-wasm",
  "@oneapi/kong-plugin": "kong-plugin",
  "@oneapi/control-service": "control-service",
};
const IMPORT =
  /^import\s*["']([^"']+)["']|^(?:import|export)\s[\w$*{},\s]+?\sfrom\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
const TEST_CODE = /\.test\.tsx?$|\/test\/|\/testing\.ts$/;

type Import = { from: string; specifier: string };

function importsOf(part: string): Import[] {
  const files = trackedFiles(/\.tsx?$/).filter((path) => path.startsWith(`${part}/`) && !TEST_CODE.test(path));
  return files.flatMap((from) =>
    [...read(from).matchAll(IMPORT)].map((match) => ({ from, specifier: match[1] ?? match[2] ?? match[3] ?? "" })),
  );
}

/** The part that an import leads to; null for a package from outside or Node's own. */
function partOf({ from, specifier }: Import): string | null {
  if (!specifier.startsWith(".")) return PACKAGES[specifier] ?? null;
  const path = normalize(join(dirname(from), specifier));
  return Object.keys(MAY_IMPORT).find((part) => path.startsWith(`${part}/`)) ?? path;
}

test.each(Object.keys(MAY_IMPORT))("%s imports only the parts that it may", (part) => {
  const allowed = [part, ...(MAY_IMPORT[part] ?? [])];
  const wrong = importsOf(part).filter((found) => !allowed.includes(partOf(found) ?? part));
  expect(wrong).toEqual([]);
});

test("the core imports nothing from outside", () => {
  // node.ts is the core's face towards Node, and the only file of it that Wasm does not see.
  const wrong = importsOf("shared/core").filter(({ specifier }) => !specifier.startsWith("."));
  expect(wrong).toEqual([]);
});
