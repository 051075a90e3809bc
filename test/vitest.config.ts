import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Gives JavaScript the constant that AssemblyScript has by itself, for tests that import files of the core directly. */
const target = fileURLToPath(new URL("../shared/core/target.ts", import.meta.url));
/** Builds `oneapi.wasm` when it is missing or older than its sources. */
const builtModule = fileURLToPath(new URL("setup/wasm.ts", import.meta.url));
/** Starts the product once, so that later starts take less. */
const started = fileURLToPath(new URL("setup/started.ts", import.meta.url));

/** Files of end-to-end cases that choose their gateways themselves: one run is enough for these. */
const BOTH_KINDS = "test/e2e/mixed.test.ts";
const REAL_KONG = "test/e2e/kong-{bin,image}.test.ts";

/** One project per part, so that `--project NAME` runs what one is working on. */
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      project("core", ["shared/core/**/*.test.ts"], { setupFiles: [target] }),
      project("contract", ["shared/contract/**/*.test.ts"]),
      project("control", ["control-service/**/*.test.ts"], { setupFiles: [target], testTimeout: 60_000 }),
      project("vectors", ["shared/vectors/**/*.test.ts"], { setupFiles: [target], testTimeout: 60_000 }),
      project("wasm", ["envoy-wasm/**/*.test.ts"], {
        setupFiles: [target],
        globalSetup: [builtModule],
        testTimeout: 120_000,
      }),
      project("kong", ["kong-plugin/**/*.test.ts", "test/kong/**/*.test.ts"], {
        setupFiles: [target],
        testTimeout: 60_000,
      }),
      project("deploy", ["deploy/**/*.test.ts"], { testTimeout: 120_000, ...together(1) }),
      project("admission", ["test/admission/**/*.test.ts"], { setupFiles: [target] }),
      project("checks", ["test/checks/**/*.test.ts"]),
      project("upstream", ["test/upstream/**/*.test.ts"]),
      project("fuzz", ["test/fuzz/**/*.test.ts"], {
        setupFiles: [target],
        globalSetup: [builtModule],
        hookTimeout: 120_000,
      }),
      project("bench", ["test/bench/**/*.test.ts"]),
      project("e2e", ["test/e2e/**/*.test.ts"], { ...endToEnd("envoy"), exclude: [REAL_KONG] }),
      project("e2e-kong", ["test/e2e/**/*.test.ts"], { ...endToEnd("kong"), exclude: [BOTH_KINDS] }),
    ],
  },
});

type Settings = {
  exclude?: string[];
  setupFiles?: string[];
  env?: Record<string, string>;
  globalSetup?: string[];
  testTimeout?: number;
  hookTimeout?: number;
  maxWorkers?: number;
  maxConcurrency?: number;
  sequence?: { groupOrder: number };
};

/** Files that start real gateways: they wait more than they compute, so that a machine of two cores has room for three. */
function together(groupOrder: number): Settings {
  return { maxWorkers: 3, sequence: { groupOrder } };
}

/** The same cases for both kinds of gateway. */
function endToEnd(gateway: "envoy" | "kong"): Settings {
  return {
    globalSetup: [builtModule, started],
    env: { E2E_GATEWAY: gateway },
    ...together(1),
    maxConcurrency: 18,
    testTimeout: 120_000,
    hookTimeout: 180_000,
  };
}

function project(name: string, include: string[], settings: Settings = {}) {
  return { extends: true as const, test: { name, include, ...settings } };
}
