import { execFile } from "node:child_process";
import { glob, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { checkout } from "../checkout.ts";
import { withLock } from "../lock.ts";

const run = promisify(execFile);

/** The filter as Envoy loads it. */
export const MODULE = join(checkout, "envoy-wasm/build/oneapi.wasm");

const SOURCES = ["envoy-wasm/{filter,sdk}/**/*.ts", "envoy-wasm/*.{ts,json}", "shared/core/**/*.ts"];

/** Builds {@link MODULE} when it is missing or older than its sources. Rejects with the compiler's messages. */
export async function buildModule(log: (text: string) => void, signal?: AbortSignal): Promise<string> {
  if (await isCurrent()) return MODULE;
  return await withLock(`build ${MODULE}`, async () => {
    if (await isCurrent()) return MODULE;
    log("building oneapi.wasm");
    // Compiled beside its place and moved there whole: an Envoy that starts meanwhile reads the old one or the new one.
    const partial = join("build", `oneapi-${process.pid}.wasm`);
    const compiler = join(checkout, "node_modules/assemblyscript/bin/asc.js");
    const args = [compiler, "index.ts", "--config", "asconfig.json", "--target", "release", "--outFile", partial];
    const folder = join(checkout, "envoy-wasm");
    try {
      await run(process.execPath, args, { cwd: folder, maxBuffer: 2 ** 26, ...(signal && { signal }) });
      await rename(join(folder, partial), MODULE);
    } catch (error) {
      if (signal?.aborted) throw error;
      const { stdout, stderr, message } = error as Error & { stdout?: string; stderr?: string };
      throw new Error(`oneapi.wasm could not be built:\n${stderr || stdout || message}`);
    } finally {
      await rm(join(folder, partial), { force: true });
    }
    return MODULE;
  });
}

async function isCurrent(): Promise<boolean> {
  const built = await stat(MODULE).catch(() => null);
  if (built === null) return false;
  for await (const source of glob(SOURCES, { cwd: checkout })) {
    if (source.endsWith(".test.ts")) continue;
    if ((await stat(join(checkout, source))).mtimeMs > built.mtimeMs) return false;
  }
  return true;
}
