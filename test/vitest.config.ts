import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Gives JavaScript the constant that AssemblyScript has by itself, for tests that import files of the core directly. */
const target = fileURLToPath(new URL("../shared/core/target.ts", import.meta.url));
/** Builds `oneapi.wasm` when it is missing or older than its sources. */
const builtModule = fileURLToPath(new URL("setup/wasm.ts", import.meta.url));

const KONG_CASES = ["chat", "streams", "errors", "failover", "abort", "endpoints", "config", "tls"];

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
      project("e2e", ["test/e2e/**/*.test.ts"], {
        globalSetup: [builtModule],
        ...together(1),
        maxConcurrency: 18,
        testTimeout: 120_000,
        hookTimeout: 180_000,
      }),
      // The same cases through Kong, as far as they cover what a host of the core does by itself.
      project(
        "e2e-kong",
        KONG_CASES.map((name) => `test/e2e/${name}.test.ts`),
        {
          ...together(1),
          env: { E2E_GATEWAY: "kong" },
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      ),
    ],
  },
});

type Settings = {
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

function project(name: string, include: string[], settings: Settings = {}) {
  return { extends: true as const, test: { name, include, ...settings } };
}
