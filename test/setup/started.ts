/**
 * Global setup of the end-to-end projects: what a first start of the product leaves behind. Making a database and compiling
 * TypeScript are most of the work of a start, and every file of cases starts a product of its own.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Control } from "../../deploy/control.ts";
import { PortFinder } from "../../deploy/ports.ts";
import { Supervisor } from "../../deploy/supervisor.ts";

/** Names the folder to the processes that run the cases: `data` is a data folder, `compiled` Node's cache. */
const VARIABLE = "E2E_STARTED";

export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  // The other project of this run has made it.
  if (process.env[VARIABLE] !== undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "oneapi-started-"));
  process.env[VARIABLE] = folder;
  const supervisor = new Supervisor(console.error);
  try {
    const finder = new PortFinder();
    const port = await finder.find(0);
    await finder.release();
    const env = { NODE_COMPILE_CACHE: join(folder, "compiled") };
    const stores = { databaseUrl: null, redisUrl: null };
    await Control.start({ port, dataDir: join(folder, "data"), ...stores, env }, supervisor);
  } finally {
    await supervisor.stop();
  }
  return async () => {
    delete process.env[VARIABLE];
    await rm(folder, { recursive: true, force: true });
  };
}
