import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Gives JavaScript the constant that AssemblyScript has by itself, for tests that import files of the core directly. */
const target = fileURLToPath(new URL("../shared/core/target.ts", import.meta.url));
/** Builds `oneapi.wasm` when it is missing or older than its sources. */
const builtModule = fileURLToPath(new URL("setup/wasm.ts", import.meta.url));

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
      project("deploy", ["deploy/**/*.test.ts"], { testTimeout: 120_000 }),
      project("checks", ["test/checks/**/*.test.ts"]),
      project("upstream", ["test/upstream/**/*.test.ts"]),
      project("e2e", ["test/e2e/**/*.test.ts"], {
        globalSetup: [builtModule],
        // Each file starts Envoys of its own: two at a time would only slow each other down.
        fileParallelism: false,
        testTimeout: 120_000,
        hookTimeout: 180_000,
      }),
    ],
  },
});

type Settings = {
  setupFiles?: string[];
  globalSetup?: string[];
  testTimeout?: number;
  hookTimeout?: number;
  fileParallelism?: boolean;
};

function project(name: string, include: string[], settings: Settings = {}) {
  return { extends: true as const, test: { name, include, ...settings } };
}
