import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Makes sure that there is a redis-server for the tests, which start their own; root installs one from the
 * distribution's packages. When there is none to be had, the suites that need it say that they are skipped.
 */
export async function provideRedis(log: (text: string) => void): Promise<void> {
  if (isInstalled()) return;
  if (process.getuid?.() === 0) await install(log);
  if (!isInstalled()) log("no Redis to test with: no redis-server is installed (Debian: apt-get install redis-server)");
}

function isInstalled(): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, "redis-server"), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function install(log: (text: string) => void): Promise<void> {
  log("installing Redis with apt-get");
  // At runlevel 1 Debian's packages start no server of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const options = { env, timeout: 300_000, maxBuffer: 2 ** 26 };
  try {
    await run("apt-get", ["update"], options);
    await run("apt-get", ["install", "--yes", "--no-install-recommends", "redis-server"], options);
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    log(`Redis could not be installed: ${(stderr || message).trim()}`);
  }
}
